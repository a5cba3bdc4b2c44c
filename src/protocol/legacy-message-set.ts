import { ByteReader, type Int64 } from "../base/bytes.ts";
import { portableCrc32 } from "../base/crc32c.ts";
import { MalformedError } from "../base/errors.ts";
import { codecs } from "./compression.ts";
import { mendLz4Frame } from "./lz4-frame.ts";
import { batchBits } from "./record-batch.ts";
import type { LogRecord, OpenOptions } from "./record.ts";

/** Records before magic 1 have no time. */
const noTimestamp = -1;

/** The smallest message by magic, without its offset and size fields. */
const messageBytesMin = [14, 22] as const;

interface Message {
  readonly offset: number;
  readonly magic: number;
  readonly attributes: number;
  readonly timestampMs: Int64;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/**
 * The records of a message set of magic 0 or 1, as old data directories hold them (records.md). A
 * message that is cut off at the end is left out; MalformedError on anything else that is wrong.
 */
export function decodeMessageSet(bytes: Uint8Array, options: OpenOptions): LogRecord[] {
  return readMessages(bytes).flatMap((message) => open(message, options));
}

function readMessages(bytes: Uint8Array): Message[] {
  const reader = new ByteReader(bytes);
  const messages: Message[] = [];
  while (reader.left >= 12) {
    const offset = reader.int64();
    const sizeBytes = reader.int32();
    if (sizeBytes < messageBytesMin[0]) throw new MalformedError(`message of ${sizeBytes} bytes`);
    if (sizeBytes > reader.left) break;
    if (typeof offset !== "number") throw new MalformedError(`${offset} is no offset`);
    messages.push(readMessage(offset, reader.bytes(sizeBytes)));
  }
  return messages;
}

function readMessage(offset: number, bytes: Uint8Array): Message {
  const reader = new ByteReader(bytes);
  const crc = reader.uint32();
  const magic = reader.int8();
  if (magic !== 0 && magic !== 1) throw new MalformedError(`message of magic ${magic}`);
  if (bytes.length < messageBytesMin[magic]) throw new MalformedError("message is too short");
  if (crc !== portableCrc32(bytes.subarray(4))) throw new MalformedError(`crc at offset ${offset}`);
  const attributes = reader.int8();
  const timestampMs = magic === 1 ? reader.int64() : noTimestamp;
  const key = readRun(reader);
  const value = readRun(reader);
  return { offset, magic, attributes, timestampMs, key, value };
}

function readRun(reader: ByteReader): Uint8Array | null {
  const sizeBytes = reader.int32();
  return sizeBytes < 0 ? null : reader.bytes(sizeBytes);
}

function open(outer: Message, options: OpenOptions): LogRecord[] {
  const codec = codecs[outer.attributes & batchBits.codec];
  if (codec === "none") return [toRecord(outer)];
  if (codec === undefined || codec === "zstd") {
    throw new MalformedError("codec that messages before magic 2 do not have");
  }
  if (outer.value === null) throw new MalformedError("compressed message without a value");
  const payload = codec === "lz4" && outer.magic === 0 ? mendLz4Frame(outer.value) : outer.value;
  const set = options.compression.decompress(codec, payload, options.sizeBytesMax);
  const inner = readMessages(set);
  const last = inner.at(-1);
  if (last === undefined) throw new MalformedError("compressed message without messages");
  // Magic 1 numbers the inner messages from 0; the outer offset is that of the last (KIP-31).
  const shift = outer.magic === 1 ? outer.offset - last.offset : 0;
  const isAppendTime = outer.magic === 1 && (outer.attributes & batchBits.logAppendTime) !== 0;
  return inner.map((message) => {
    if (message.attributes & batchBits.codec) throw new MalformedError("message set in a set");
    const timestampMs = isAppendTime ? outer.timestampMs : message.timestampMs;
    return toRecord({ ...message, offset: message.offset + shift, timestampMs });
  });
}

function toRecord({ offset, timestampMs, key, value }: Message): LogRecord {
  return { offset, timestampMs, key, value, headers: [] };
}
