import type { Crc32c } from "../base/crc32c.ts";
import { MalformedError } from "../base/errors.ts";
import { decodeUtf8, encodeUtf8 } from "../base/text.ts";

/** What a partition is known by while its files are shut. */
export interface PartitionFacts {
  readonly logStart: number;
  /** Everything below it is committed. */
  readonly end: number;
  readonly leaderEpoch: number;
  /** The epoch that wrote the log start; -1 unknown. */
  readonly logStartEpoch: number;
  readonly sizeBytes: number;
  /** When retention, a roll or compaction can have something to do at the earliest. */
  readonly upkeepDueMs: number;
  /** Of the settings that `upkeepDueMs` counts with: by others it says nothing. */
  readonly rulesSum: number;
}

/** Never, as a time. */
export const neverMs = Number.MAX_SAFE_INTEGER;

/** A partition nobody has written to. */
export const emptyFacts: PartitionFacts = Object.freeze({
  logStart: 0,
  end: 0,
  leaderEpoch: 0,
  logStartEpoch: -1,
  sizeBytes: 0,
  upkeepDueMs: neverMs,
  rulesSum: 0,
});

/** Facts by topic, then by partition. */
export type FactsByTopic = Map<string, Map<number, PartitionFacts>>;

const version = "0";
const fieldCount = 8;

/**
 * The text of `partition-facts-checkpoint`: the version and a CRC-32C of what follows; then for
 * each topic a line `name count` and that many lines `partition logStart end leaderEpoch
 * logStartEpoch sizeBytes upkeepDueMs rulesSum`.
 */
export function formatFacts(topics: FactsByTopic, crc32c: Crc32c): Uint8Array {
  const lines: string[] = [];
  for (const [topic, partitions] of topics) {
    lines.push(`${topic} ${partitions.size}`);
    for (const [index, facts] of partitions) {
      lines.push(`${index} ${formatFields(facts)}`);
    }
  }
  const body = lines.join("\n");
  const sum = crc32c(encodeUtf8(body)).toString(16);
  return encodeUtf8(`${version} ${sum}\n${body}`);
}

function formatFields(facts: PartitionFacts): string {
  const { logStart, end, leaderEpoch, logStartEpoch } = facts;
  const { sizeBytes, upkeepDueMs, rulesSum } = facts;
  const offsets = `${logStart} ${end} ${leaderEpoch} ${logStartEpoch}`;
  return `${offsets} ${sizeBytes} ${upkeepDueMs} ${rulesSum}`;
}

/** Throws MalformedError for anything that `formatFacts` did not write. */
export function parseFacts(bytes: Uint8Array, crc32c: Crc32c): FactsByTopic {
  const headBytes = bytes.indexOf(newline) + 1;
  const [found, sum] = decodeUtf8(bytes.subarray(0, headBytes)).trim().split(" ");
  if (found !== version) throw new MalformedError(`partition facts of version ${found}`);
  const body = bytes.subarray(headBytes);
  if (crc32c(body).toString(16) !== sum) throw new MalformedError("partition facts: bad checksum");
  const topics: FactsByTopic = new Map();
  const lines = decodeUtf8(body).split("\n").values();
  for (const line of lines) {
    if (line === "") continue;
    const [topic = "", count] = line.split(" ");
    const partitions = new Map<number, PartitionFacts>();
    for (let left = Number(count); left > 0; left -= 1) {
      const [index, facts] = parseLine(lines.next().value ?? "");
      partitions.set(index, facts);
    }
    topics.set(topic, partitions);
  }
  return topics;
}

const newline = 0x0a;

function parseLine(line: string): [number, PartitionFacts] {
  const numbers = line.split(" ").map(Number);
  if (numbers.length !== fieldCount || !numbers.every(Number.isSafeInteger)) {
    throw new MalformedError(`partition facts line "${line}"`);
  }
  const [index, logStart, end, leaderEpoch, logStartEpoch, sizeBytes, upkeepDueMs, rulesSum] =
    numbers as Fields;
  const offsets = { logStart, end, leaderEpoch, logStartEpoch };
  return [index, { ...offsets, sizeBytes, upkeepDueMs, rulesSum }];
}

type Fields = [number, number, number, number, number, number, number, number];
