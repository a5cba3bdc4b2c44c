import { ledgerKey, type StoredRecord } from "../../crash/ledger.ts";
import { parseStamp } from "../../../src/cli/torture/record-stamp.ts";
import type { ClientName, GroupLoad, Lane, OrderedReader } from "../load/lane.ts";
import { acknowledgedOf } from "../load/lane.ts";

/** What became of one client's records. */
export interface ClientFigures {
  readonly client: ClientName;
  readonly acknowledged: number;
  /** Acknowledged, and not where it was said to be. */
  readonly lost: number;
  /** Stored more than once. */
  readonly twice: number;
  /** Commits of its groups that were answered; of kcat, which commits by itself, none is told. */
  readonly commits: number;
  /** Readers and members that had given up and were started anew. */
  readonly restarts: number;
}

interface All {
  readonly lanes: readonly Lane[];
  readonly groups: readonly GroupLoad[];
  readonly readers: readonly OrderedReader[];
}

/** Counts for each client, by what is stored of each of its partitions. */
export function figuresOfClients(
  { lanes, groups, readers }: All,
  stored: (topic: string, partition: number) => readonly StoredRecord[],
): readonly ClientFigures[] {
  const clients = new Set([...lanes, ...groups, ...readers].map(({ client }) => client));
  return [...clients].map((client) => {
    const own = lanes.filter((lane) => lane.client === client);
    const counts = own.map((lane) => countWrong(lane, stored(lane.topic, lane.partition)));
    const ownGroups = groups.filter((group) => group.client === client);
    const commits = ownGroups.flatMap((group) => [...group.watch.commits.values()].flat());
    const reading = [...ownGroups, ...readers.filter((reader) => reader.client === client)];
    return {
      client,
      acknowledged: sum(own.map(acknowledgedOf)),
      lost: sum(counts.map(({ lost }) => lost)),
      twice: sum(counts.map(({ twice }) => twice)),
      commits: commits.filter(({ kind }) => kind === "acknowledged").length,
      restarts: sum(reading.map(({ restartCount }) => restartCount)),
    };
  });
}

function countWrong({ ledgers, partition }: Lane, records: readonly StoredRecord[]) {
  const stamps = records.map(({ value }) => {
    const stamp = parseStamp(value);
    return stamp === undefined ? "" : `${ledgerKey(stamp.producer, partition)}/${stamp.sequence}`;
  });
  const lost = [...ledgers].map(([writer, told]) => {
    const key = ledgerKey(writer, partition);
    const isLost = (at: number | undefined, sequence: number): boolean =>
      at !== undefined && stamps[at] !== `${key}/${sequence}`;
    return told.filter(isLost).length;
  });
  return { lost: sum(lost), twice: stamps.length - new Set(stamps).size };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}
