import { joinBytes } from "../base/bytes.ts";
import { portableCrc32c } from "../base/crc32c.ts";
import { MalformedError } from "../base/errors.ts";
import { decodeUtf8, encodeUtf8 } from "../base/text.ts";

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
  return text === formatPlain(offsets) && ![...offsets.keys()].some(isSpoiledSum);
}

/** A line with our sum of which one character is another: not Kafka's line of some topic. */
function isSpoiledSum(name: string): boolean {
  const topic = name.slice(0, name.lastIndexOf("-"));
  if (topic.length !== sumName.length) return false;
  let otherCount = 0;
  for (let at = 0; at < topic.length; at += 1) if (topic[at] !== sumName[at]) otherCount += 1;
  return otherCount <= 1;
}

/** Lines that are formatted in one go: a millisecond or two. */
const sliceLines = 4_096;

export function formatOffsetCheckpoint(offsets: OffsetsByPartition): string {
  return decodeUtf8(joinBytes([...formatOffsetSlices(offsets)]));
}

/** The same a slice at a time, of what `offsets` holds when the first one is asked for. */
export function* formatOffsetSlices(offsets: OffsetsByPartition): Generator<Uint8Array> {
  const names = [...offsets.keys()];
  const values = [...offsets.values()];
  const { length: count } = names;
  let sum = portableCrc32c(encodeUtf8(headOf(count)));
  let text = headOf(count === 0 ? 0 : count + 1);
  for (let from = 0; from < count; from += sliceLines) {
    const lines = formatLines(names, values, from);
    sum = portableCrc32c(encodeUtf8(lines), sum);
    text += lines;
    if (from + sliceLines >= count) break;
    yield encodeUtf8(text);
    text = "";
  }
  yield encodeUtf8(count === 0 ? text : `${text}${sumName} 0 ${sum}\n`);
}

/** As Kafka writes it. */
function formatPlain(offsets: OffsetsByPartition): string {
  const names = [...offsets.keys()];
  const values = [...offsets.values()];
  let text = headOf(names.length);
  for (let from = 0; from < names.length; from += sliceLines) {
    text += formatLines(names, values, from);
  }
  return text;
}

const headOf = (count: number): string => `${version}\n${count}\n`;

function formatLines(names: readonly string[], values: readonly number[], from: number): string {
  let lines = "";
  for (let at = from; at < Math.min(names.length, from + sliceLines); at += 1) {
    const name = names[at] as string;
    const dash = name.lastIndexOf("-");
    lines += `${name.slice(0, dash)} ${name.slice(dash + 1)} ${values[at]}\n`;
  }
  return lines;
}

const offsetLine = /^(\S+)\s+(\d{1,16})\s+(\d{1,16})\s*$/;
const sumLine = new RegExp(String.raw`^${sumName} 0 (\d{1,16})$`);

/** Throws MalformedError; also when the lines are not those that the sum was made of. */
export function parseOffsetCheckpoint(text: string): OffsetsByPartition {
  const offsets: OffsetsByPartition = new Map();
  const whole = text.trimEnd();
  if (whole === "") return offsets;
  const [head = "", countText = ""] = whole.split("\n", 2);
  if (head.trim() !== version) throw new MalformedError(`checkpoint version ${head}`);
  const count = Number(countText);
  const lines = whole.slice(head.length + countText.length + 2);
  const last = lines.slice(lines.lastIndexOf("\n") + 1);
  const sum = sumLine.exec(last)?.[1];
  const body = sum === undefined ? lines : lines.slice(0, -last.length);
  readLines(body, offsets);
  const found = offsets.size + (sum === undefined ? 0 : 1);
  if (count !== found) throw new MalformedError(`checkpoint says ${count} entries, has ${found}`);
  if (sum !== undefined && Number(sum) !== sumOf(count - 1, body)) {
    throw new MalformedError("the sum of the checkpoint is wrong");
  }
  return offsets;
}

function readLines(lines: string, offsets: OffsetsByPartition): void {
  for (let from = 0; from < lines.length;) {
    const newline = lines.indexOf("\n", from);
    const to = newline < 0 ? lines.length : newline;
    const line = lines.slice(from, to);
    const match = offsetLine.exec(line);
    if (match === null) throw new MalformedError(`checkpoint line "${line}"`);
    offsets.set(`${match[1]}-${match[2]}`, Number(match[3]));
    from = to + 1;
  }
}

function sumOf(count: number, lines: string): number {
  return portableCrc32c(encodeUtf8(lines), portableCrc32c(encodeUtf8(headOf(count))));
}
