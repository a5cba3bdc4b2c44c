import { ByteWriter, joinBytes } from "../../../base/bytes.ts";
import { MalformedError, XylemError } from "../../../base/errors.ts";
import { KeyHash, type Words128 } from "../../../base/key-hash.ts";
import { decodeUtf8, encodeUtf8 } from "../../../base/text.ts";
import type { Uuid } from "../../../base/uuid.ts";
import type { KeptAppend } from "../../../log/idempotency/key-table.ts";
import {
  openRecords,
  type OpenOptions,
  readHeaders,
  type RecordHeader,
} from "../../../protocol/record.ts";
import type { RecordBatch } from "../../../protocol/record-batch.ts";
import { RecordWalk } from "../../../protocol/record-walk.ts";

/** A key that a client gave to a request, so that it may send it again. */
export interface IdempotencyKey {
  /** Whose key it is: other users' keys are others. */
  readonly scope: string;
  /** 1 to 255 characters. */
  readonly key: string;
}

/**
 * Headers of the first record that a request with a key made in a partition: the key itself, and
 * `1 <scope> <fingerprint> <record count> <time>`, from which the table of keys is made again.
 */
const keyHeader = "xylem-idempotency-key";
const noteHeader = "xylem-idempotency";
const notePattern = /^1 ([0-9a-f]{32}) ([0-9a-f]{32}) (\d{1,9}) (\d{1,15})$/;

const keyLengthMax = 255;

/** Only keeps hashes of this use apart from others: whoever finds two alike harms himself alone. */
const seed: Words128 = [0x78796c65, 0x6d2d6b65, 0x79732d31, 0x00000001];
const hasher = new KeyHash(seed);

/**
 * What a table calls a key. The topic is in it, as a fork holds the records of another one. Throws
 * INVALID_REQUEST.
 */
export function keyId({ scope, key }: IdempotencyKey, topicId: Uuid): string {
  if (key.length >= 1 && key.length <= keyLengthMax) {
    return hashOf(joinBytes([topicId, encodeUtf8(scope)])) + key;
  }
  const detail = `an idempotency key has 1 to ${keyLengthMax} characters, not ${key.length}`;
  throw new XylemError("INVALID_REQUEST", detail);
}

const scopeLength = 32;

interface Fingerprinted {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  readonly partition?: number | undefined;
  readonly timestampMs?: number | undefined;
}

/** Of all that a request says of its records. */
export function fingerprintOf(records: readonly Fingerprinted[]): string {
  const parts = new ByteWriter(records.length * 64);
  for (const { key, value, headers, partition, timestampMs } of records) {
    writePart(parts, key);
    writePart(parts, value);
    parts.int32(headers.length);
    for (const header of headers) {
      writePart(parts, encodeUtf8(header.key));
      writePart(parts, header.value);
    }
    parts.int32(partition ?? -1);
    parts.int64(timestampMs ?? -1);
  }
  return hashOf(parts.toBytes());
}

/** A part stands for itself by its hash: a body is not copied to be hashed. */
function writePart(writer: ByteWriter, bytes: Uint8Array | null): void {
  writer.int32(bytes?.length ?? -1);
  if (bytes === null || bytes.length === 0) return;
  const words = new Int32Array(4);
  hasher.hash(bytes, { from: 0, to: bytes.length }, words);
  for (const word of words) writer.int32(word);
}

function hashOf(bytes: Uint8Array): string {
  const words = new Int32Array(4);
  hasher.hash(bytes, { from: 0, to: bytes.length }, words);
  return Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

/** The headers that tell of an append; its offset is where they lie. */
export function noteHeaders(
  id: string,
  { fingerprint, recordCount, timeMs }: Omit<KeptAppend, "baseOffset">,
): readonly RecordHeader[] {
  const note = `1 ${id.slice(0, scopeLength)} ${fingerprint} ${recordCount} ${timeMs}`;
  return [
    { key: keyHeader, value: encodeUtf8(id.slice(scopeLength)) },
    { key: noteHeader, value: encodeUtf8(note) },
  ];
}

/** Headers as a client may send them: those above are the broker's alone. */
export function withoutNotes(headers: readonly RecordHeader[]): readonly RecordHeader[] {
  return headers.some(isNote) ? headers.filter((header) => !isNote(header)) : headers;
}

function isNote({ key }: RecordHeader): boolean {
  return key === keyHeader || key === noteHeader;
}

/** What a stored batch tells of a request with a key; undefined: it is none of such a request. */
export function readNote(
  batch: RecordBatch,
  open: OpenOptions,
): readonly [id: string, kept: KeptAppend] | undefined {
  // Ours come from no producer: those of most Kafka clients need not be opened.
  if (batch.isControl || batch.hasProducerId) return undefined;
  const headers = firstHeaders(batch, open);
  const key = headers.find((header) => header.key === keyHeader)?.value;
  const note = headers.find((header) => header.key === noteHeader)?.value;
  if (!key || !note) return undefined;
  const [, scope, fingerprint, count, time] = notePattern.exec(decodeUtf8(note)) ?? [];
  const recordCount = Number(count);
  // Copied by a client, in a batch of his own: it tells nothing of this log.
  if (fingerprint === undefined || recordCount !== batch.lastOffsetDelta + 1) return undefined;
  const isAppendTime = batch.timestampType === "LogAppendTime";
  const timeMs = isAppendTime ? Number(batch.maxTimestamp) : Number(time);
  const kept = { fingerprint, baseOffset: batch.baseOffset, recordCount, timeMs };
  return [`${scope}${decodeUtf8(key)}`, kept];
}

function firstHeaders(batch: RecordBatch, open: OpenOptions): readonly RecordHeader[] {
  try {
    const walk = new RecordWalk(openRecords(batch, open), batch.recordCount);
    return walk.next() && walk.offsetDelta === 0 ? readHeaders(walk) : [];
  } catch (error) {
    // Whoever reads the batch is told; no request of ours made it.
    if (error instanceof MalformedError || error instanceof XylemError) return [];
    throw error;
  }
}
