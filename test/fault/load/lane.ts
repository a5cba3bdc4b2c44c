import type { SeenRecord } from "../checks/same-reading.ts";
import type { CommitWatch } from "./commit-watch.ts";
import type { Gate } from "./gate.ts";

/** Whose code a load is: what is found is told apart by it. */
export type ClientName = "kafkajs" | "kcat" | "Java" | "HTTP" | "five under way";

/** By sequence: the offset that was acknowledged; undefined: none was. */
export type Told = readonly (number | undefined)[];

/** What the writers of one partition were told, and when. */
export interface Lane {
  readonly client: ClientName;
  readonly topic: string;
  readonly partition: number;
  /** By the number in the records' stamps: a client that is started anew counts anew. */
  readonly ledgers: ReadonlyMap<number, Told>;
  /** When each answer came, by `performance.now()`. */
  readonly answeredMs: readonly number[];
  /** Refusals that a writer like this may never meet. */
  readonly complaints: readonly string[];
  /** Writes until the gate ends. */
  run(gate: Gate): Promise<void>;
}

/** One reader of a partition from its beginning on: each record once, in order. */
export interface OrderedReader {
  readonly client: ClientName;
  readonly topic: string;
  readonly partition: number;
  /** In the order of reading. */
  readonly seen: readonly SeenRecord[];
  readonly nextOffset: number;
  /** How often it had given up and was started anew. */
  readonly restartCount: number;
  run(gate: Gate): Promise<void>;
}

/** Members of one consumer group that commit what they have read. */
export interface GroupLoad {
  readonly client: ClientName;
  /** What was committed of it. */
  readonly watch: Pick<CommitWatch, "groupId" | "topics" | "commits">;
  /** By `topic-partition`: offsets that reached a member. */
  readonly delivered: ReadonlyMap<string, ReadonlySet<number>>;
  /** What members may never be given. */
  readonly complaints: readonly string[];
  /** Members that had given up and were replaced. */
  readonly restartCount: number;
  run(gate: Gate): Promise<void>;
}

export function acknowledgedOf({ ledgers }: Pick<Lane, "ledgers">): number {
  return [...ledgers.values()].reduce((sum, told) => sum + told.length, 0);
}

/** The longest time without an answer from `fromMs` to `toMs`. */
export function longestGapMs(
  { answeredMs }: Pick<Lane, "answeredMs">,
  fromMs: number,
  toMs: number,
) {
  const within = answeredMs.filter((atMs) => atMs > fromMs && atMs < toMs);
  let longestMs = 0;
  let lastMs = fromMs;
  for (const atMs of [...within, toMs]) {
    longestMs = Math.max(longestMs, atMs - lastMs);
    lastMs = atMs;
  }
  return Math.round(longestMs);
}
