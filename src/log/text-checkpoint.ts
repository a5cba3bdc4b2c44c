import { portableCrc32c } from "../base/crc32c.ts";
import { MalformedError } from "../base/errors.ts";
import { encodeUtf8 } from "../base/text.ts";

const version = "0";

/** Kafka's text checkpoints: the version, the number of entries, then one entry a line. */
export function formatCheckpoint(entries: readonly (readonly (string | number)[])[]): string {
  const lines = entries.map((fields) => fields.join(" "));
  return [version, String(entries.length), ...lines, ""].join("\n");
}

/**
 * Reads a checkpoint whose entries have `fieldCount` fields; empty text has none. Throws
 * MalformedError for another version, a wrong count, or fields after the first that are no offsets.
 */
export function parseCheckpoint(text: string, fieldCount: number): string[][] {
  const lines = text.split("\n");
  while (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) return [];
  if (lines[0]?.trim() !== version) throw new MalformedError(`checkpoint version ${lines[0]}`);
  const entries = lines.slice(2).map((line) => line.trim().split(/\s+/));
  if (lines[1]?.trim() !== String(entries.length)) {
    throw new MalformedError(`checkpoint says ${lines[1]} entries and has ${entries.length}`);
  }
  for (const entry of entries) {
    if (entry.length !== fieldCount || !entry.slice(1).every((field) => /^\d{1,16}$/.test(field))) {
      throw new MalformedError(`checkpoint line "${entry.join(" ")}"`);
    }
  }
  return entries;
}

/** Offsets by `topic-partition`, as in the checkpoints of a data directory. */
export type OffsetsByPartition = Map<string, number>;

/**
 * Stands for a partition in the last line, with the sum of the lines before it: Kafka knows no such
 * partition and leaves the line alone, and out when it writes the file.
 */
const sumName = "__xylem_crc32c";

/** Whether these offsets are written so: by us, or by Kafka, which knows no sum. */
export function isOffsetCheckpoint(text: string, offsets: OffsetsByPartition): boolean {
  if (text === formatOffsetCheckpoint(offsets)) return true;
  return text === formatCheckpoint(entriesOf(offsets)) && ![...offsets.keys()].some(isSpoiledSum);
}

/** A line with our sum of which one character is another: not Kafka's line of some topic. */
function isSpoiledSum(name: string): boolean {
  const topic = name.slice(0, name.lastIndexOf("-"));
  if (topic.length !== sumName.length) return false;
  let otherCount = 0;
  for (let at = 0; at < topic.length; at += 1) if (topic[at] !== sumName[at]) otherCount += 1;
  return otherCount <= 1;
}

function entriesOf(offsets: OffsetsByPartition): (string | number)[][] {
  return [...offsets].map(([name, offset]) => {
    const dash = name.lastIndexOf("-");
    return [name.slice(0, dash), name.slice(dash + 1), offset];
  });
}

export function formatOffsetCheckpoint(offsets: OffsetsByPartition): string {
  const entries = entriesOf(offsets);
  if (entries.length > 0) entries.push([sumName, "0", sumOf(entries)]);
  return formatCheckpoint(entries);
}

/** Throws MalformedError; also when the lines are not those that the sum was made of. */
export function parseOffsetCheckpoint(text: string): OffsetsByPartition {
  const offsets: OffsetsByPartition = new Map();
  const entries = parseCheckpoint(text, 3);
  if (entries.at(-1)?.[0] === sumName) {
    const sum = Number(entries.pop()?.[2]);
    if (sum !== sumOf(entries)) throw new MalformedError("the sum of the checkpoint is wrong");
  }
  for (const [topic, partition, offset] of entries) {
    offsets.set(`${topic}-${partition}`, Number(offset));
  }
  return offsets;
}

function sumOf(entries: readonly (readonly (string | number)[])[]): number {
  return portableCrc32c(encodeUtf8(formatCheckpoint(entries)));
}
