import { ByteReader, ByteWriter, equalBytes, writeInt32 } from "../../base/bytes.ts";
import type { Crc32c } from "../../base/crc32c.ts";
import { MalformedError } from "../../base/errors.ts";
import { encodeUtf8 } from "../../base/text.ts";
import type { Uuid } from "../../base/uuid.ts";
import type { KeptAppend } from "./key-table.ts";

/** Beside the log of its partition: removed with it, and unknown to Kafka, which leaves it. */
export const keysFileName = "idempotency-keys";

/** int16 version, uint32 crc, 16 bytes topic id, int64 next offset, int32 count; then the keys. */
const crcPosition = 2;
const crcFrom = 6;
const topicIdBytes = 16;
const version = 1;
/** The least that one key takes. */
const entryBytesMin = 22;

/** The keys of all appends below an offset, as a file keeps them (docs/decisions/014). */
export interface StoredKeys {
  readonly topicId: Uuid;
  /** From here on the log itself tells. All below is on the disk. */
  readonly nextOffset: number;
  readonly entries: readonly (readonly [id: string, kept: KeptAppend])[];
}

export function formatKeys(keys: StoredKeys, crc32c: Crc32c): Uint8Array {
  const writer = new ByteWriter(64 + keys.entries.length * 100);
  writer.int16(version);
  writer.uint32(0);
  writer.copy(keys.topicId);
  writer.int64(keys.nextOffset);
  writer.int32(keys.entries.length);
  for (const [id, { fingerprint, baseOffset, recordCount, timeMs }] of keys.entries) {
    writeText(writer, id);
    writeText(writer, fingerprint);
    writer.int64(baseOffset);
    writer.int32(recordCount);
    writer.int64(timeMs);
  }
  const bytes = writer.toBytes();
  writeInt32(bytes, crcPosition, crc32c(bytes.subarray(crcFrom)));
  return bytes;
}

/** Undefined: it belongs to another topic. Throws MalformedError for what is not whole. */
export function parseKeys(
  bytes: Uint8Array,
  topicId: Uuid,
  crc32c: Crc32c,
): StoredKeys | undefined {
  const reader = new ByteReader(bytes);
  const found = reader.int16();
  if (found !== version) throw new MalformedError(`idempotency keys of version ${found}`);
  if (reader.uint32() !== crc32c(bytes.subarray(crcFrom))) {
    throw new MalformedError("idempotency keys with a wrong checksum");
  }
  if (!equalBytes(reader.bytes(topicIdBytes), topicId)) return undefined;
  const nextOffset = safeNumber(reader.int64());
  const count = reader.int32();
  reader.claimElements(count, entryBytesMin);
  const entries = Array.from({ length: count }, () => {
    const id = readText(reader);
    const fingerprint = readText(reader);
    const baseOffset = safeNumber(reader.int64());
    const recordCount = reader.int32();
    const timeMs = safeNumber(reader.int64());
    return [id, { fingerprint, baseOffset, recordCount, timeMs }] as const;
  });
  return { topicId, nextOffset, entries };
}

function writeText(writer: ByteWriter, text: string): void {
  const bytes = encodeUtf8(text);
  writer.varint(bytes.length);
  writer.copy(bytes);
}

function readText(reader: ByteReader): string {
  return reader.utf8(reader.varint());
}

function safeNumber(value: number | bigint): number {
  if (typeof value === "number") return value;
  throw new MalformedError(`the number ${value} is out of range`);
}
