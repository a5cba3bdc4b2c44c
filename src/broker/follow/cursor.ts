import { formatBase64Url, parseBase64Url } from "../../base/base64url.ts";
import { ByteReader, ByteWriter } from "../../base/bytes.ts";
import { MalformedError, XylemError } from "../../base/errors.ts";
import type { Uuid } from "../../base/uuid.ts";

/** Where a reader of several partitions is; in the order in which it took them up. */
export type Cursor = readonly CursorTopic[];

export interface CursorTopic {
  readonly topic: string;
  /** A topic of the same name that is made anew is another one. */
  readonly id: Uuid;
  readonly partitions: readonly CursorPartition[];
}

export interface CursorPartition {
  readonly index: number;
  /** Of the record to be read next. */
  readonly offset: number;
}

/**
 * The text of a cursor, so that any node can go on from it: `c1.` and base64url of, for each topic,
 * the first four bytes of its id, then either 2 * index + 1 and the offset of its only partition,
 * or 2 * count and of each partition index and offset. It may end in `.<entry>.<offset>`: of that
 * partition, counted through all topics, this offset holds instead. Below 4 KiB for 256 partitions
 * of as many topics up to offset 2^42.
 */
const version = "c1.";
const topicTagBytes = 4;

export function formatCursor(cursor: Cursor): string {
  const writer = new ByteWriter();
  for (const { id, partitions } of cursor) {
    writer.copy(id.subarray(0, topicTagBytes));
    const only = partitions.length === 1 ? partitions[0]?.index : undefined;
    writeNumber(writer, only === undefined ? partitions.length * 2 : only * 2 + 1);
    for (const { index, offset } of partitions) {
      if (only === undefined) writeNumber(writer, index);
      writeNumber(writer, offset);
    }
  }
  return version + formatBase64Url(writer.toBytes());
}

/**
 * All of the text but the offset of one partition, which is put behind it: what makes one cursor
 * out of the last is a number. Of a reader of a single partition it is the same wherever he is.
 */
export function formatCursorStem(cursor: Cursor, name: string, index: number): string {
  let entry = -1;
  let found = 0;
  const without = cursor.map(({ topic, id, partitions }) => ({
    topic,
    id,
    partitions: partitions.map((partition) => {
      entry += 1;
      if (partition.index !== index || topic !== name) return partition;
      found = entry;
      return { index, offset: 0 };
    }),
  }));
  return `${formatCursor(without)}.${found}.`;
}

/** What a cursor said, looked up by the topics that there are. */
export class CursorPositions {
  readonly #topics: ReadonlyMap<number, ReadTopic>;

  /** Throws INVALID_REQUEST for what is no cursor. */
  constructor(text: string) {
    this.#topics = new Map(parseCursor(text).map((topic) => [topic.tag, topic]));
  }

  /** Offsets by partition of a topic that the reader had taken up; undefined: he had not. */
  find(id: Uuid): ReadonlyMap<number, number> | undefined {
    const topic = this.#topics.get(new ByteReader(id).int32());
    if (topic === undefined) return undefined;
    // A reader may name each partition of a topic by itself.
    topic.offsets ??= new Map(topic.partitions.map(({ index, offset }) => [index, offset]));
    return topic.offsets;
  }
}

function parseCursor(text: string): readonly ReadTopic[] {
  const match = /^c1\.([A-Za-z0-9_-]*)(?:\.(\d{1,6})\.(\d{1,16}))?$/.exec(text);
  const bytes = match?.[1] === undefined ? undefined : parseBase64Url(match[1]);
  if (bytes === undefined) throw badCursor(text);
  try {
    const topics = readTopics(new ByteReader(bytes));
    if (match?.[2] !== undefined) replace(topics, Number(match[2]), Number(match[3]));
    return topics;
  } catch (error) {
    if (error instanceof MalformedError) throw badCursor(text);
    throw error;
  }
}

interface ReadTopic {
  /** The first bytes of its id. */
  readonly tag: number;
  readonly partitions: { index: number; offset: number }[];
  /** Made when it is asked for. */
  offsets?: ReadonlyMap<number, number>;
}

function readTopics(reader: ByteReader): ReadTopic[] {
  const topics: ReadTopic[] = [];
  while (reader.position < reader.end) {
    const tag = reader.int32();
    const head = readNumber(reader);
    const only = head % 2 === 1 ? (head - 1) / 2 : undefined;
    const partitions: { index: number; offset: number }[] = [];
    for (let left = only === undefined ? head / 2 : 1; left > 0; left -= 1) {
      partitions.push({ index: only ?? readNumber(reader), offset: readNumber(reader) });
    }
    topics.push({ tag, partitions });
  }
  return topics;
}

function replace(topics: readonly ReadTopic[], entry: number, offset: number): void {
  const partition = topics.flatMap(({ partitions }) => partitions)[entry];
  if (partition === undefined || !Number.isSafeInteger(offset)) {
    throw new MalformedError(`no entry ${entry}, or no offset`);
  }
  partition.offset = offset;
}

function badCursor(text: string): XylemError {
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return new XylemError("INVALID_REQUEST", `"${shown}" is no cursor of a live read`);
}

/** Seven bits a byte, lowest first, up to 2^53 - 1. */
function writeNumber(writer: ByteWriter, value: number): void {
  let rest = value;
  while (rest > 0x7f) {
    writer.int8((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  writer.int8(rest);
}

function readNumber(reader: ByteReader): number {
  let value = 0;
  for (let unit = 1; unit <= 2 ** 49; unit *= 0x80) {
    const byte = reader.uint8();
    value += (byte & 0x7f) * unit;
    if (byte < 0x80) break;
  }
  if (Number.isSafeInteger(value)) return value;
  throw new MalformedError("a number past 2^53");
}
