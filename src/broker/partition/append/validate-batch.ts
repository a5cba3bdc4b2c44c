import type { Int64 } from "../../../base/bytes.ts";
import type { Crc32c } from "../../../base/crc32c.ts";
import { MalformedError, XylemError } from "../../../base/errors.ts";
import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import { codecs, type Compression } from "../../../protocol/compression.ts";
import { batchHeaderBytes, currentMagic, RecordBatch } from "../../../protocol/record-batch.ts";
import { openRecords } from "../../../protocol/record.ts";
import { inspectRecords, type RecordFindings } from "../../../protocol/record-walk.ts";
import type { AppendOptions } from "../partition-log.ts";
import { rebuildBatch, recompressBatch } from "./rebuild-batch.ts";
import { RecordsRefused } from "./records-refused.ts";

export interface ValidationTools {
  readonly crc32c: Crc32c;
  readonly compression: Compression;
}

export interface ValidationRules extends AppendOptions {
  readonly settings: TopicSettings;
  readonly nowMs: number;
}

/** Records that a batch may decompress to, for each byte that one may have. */
const expansionMax = 100;
const expandedBytesMin = 64 * 1024 * 1024;

/**
 * Checks 13 to 18 of semantics.md 2, in their order, and brings the batch to the form in which it
 * is stored: append time, codec, largest timestamp. The batch is changed in place where that is
 * enough. Throws XylemError, RecordsRefused among them.
 *
 * Compressed records are opened only where the topic asks for what is inside; uncompressed ones
 * are walked (design decision 7).
 */
export function validateBatch(
  bytes: Uint8Array,
  rules: ValidationRules,
  tools: ValidationTools,
): RecordBatch {
  const batch = checkHead(bytes, rules, tools.crc32c);
  const stored = storedForm(batch, rules, tools);
  const { settings } = rules;
  if (stored.source !== bytes && rules.origin === "client") checkSize(stored, settings);
  const segmentBytes = segmentBytesMax(settings);
  if (stored.sizeBytes > segmentBytes) {
    const detail = `a batch of ${stored.sizeBytes} bytes, a segment takes ${segmentBytes}`;
    throw new XylemError("RECORD_LIST_TOO_LARGE", detail);
  }
  return stored;
}

/** Size at which a segment is rolled, tests' own bound included. */
export function segmentBytesMax(settings: TopicSettings): number {
  return settings["internal.segment.bytes"] ?? settings["segment.bytes"];
}

function checkHead(bytes: Uint8Array, rules: ValidationRules, crc32c: Crc32c): RecordBatch {
  if (bytes.length < batchHeaderBytes) {
    throw new XylemError("CORRUPT_MESSAGE", `a batch of ${bytes.length} bytes`);
  }
  const batch = new RecordBatch(bytes);
  if (batch.magic !== currentMagic || batch.sizeBytes !== bytes.length) {
    throw new XylemError("INVALID_RECORD", "exactly one batch of magic 2 is taken");
  }
  const isClient = rules.origin === "client";
  if (isClient && !hasZeroOffset(batch)) {
    throw new XylemError("INVALID_RECORD", "the base offset of a sent batch is 0");
  }
  if (isClient) checkSize(batch, rules.settings);
  if (!batch.isCrcValid(crc32c)) {
    throw new XylemError("CORRUPT_MESSAGE", "the checksum of the batch is wrong");
  }
  const fault = findHeadFault(batch, isClient);
  if (fault !== undefined) throw new XylemError("INVALID_RECORD", fault);
  if (typeof batch.producerId === "bigint") {
    throw new XylemError("INVALID_PRODUCER_ID_MAPPING", `producer id ${batch.producerId}`);
  }
  return batch;
}

function hasZeroOffset(batch: RecordBatch): boolean {
  for (let at = 0; at < 8; at += 1) if (batch.source[at] !== 0) return false;
  return true;
}

function checkSize(batch: RecordBatch, settings: TopicSettings): void {
  const sizeBytesMax = settings["max.message.bytes"];
  if (batch.sizeBytes <= sizeBytesMax) return;
  const detail = `a batch of ${batch.sizeBytes} bytes, max.message.bytes is ${sizeBytesMax}`;
  throw new XylemError("MESSAGE_TOO_LARGE", detail);
}

/** Check 16. */
function findHeadFault(batch: RecordBatch, isClient: boolean): string | undefined {
  const { lastOffsetDelta, recordCount } = batch;
  if (lastOffsetDelta < 0) return `last offset delta ${lastOffsetDelta}`;
  if (recordCount <= 0) return `record count ${recordCount}`;
  if (recordCount !== lastOffsetDelta + 1) {
    return `record count ${recordCount} with last offset delta ${lastOffsetDelta}`;
  }
  if (isClient && batch.isControl) return "clients write no control batches";
  if (isClient && batch.hasProducerId && batch.baseSequence < 0) {
    return `base sequence ${batch.baseSequence} of a producer`;
  }
  if (codecs[batch.attributes & 7] === undefined) return `codec ${batch.attributes & 7}`;
  return undefined;
}

function storedForm(
  batch: RecordBatch,
  rules: ValidationRules,
  tools: ValidationTools,
): RecordBatch {
  if (rules.origin === "coordinator") return batch;
  const { settings } = rules;
  if (batch.timestampType === "LogAppendTime") {
    const detail = "the batch claims an append time, which only a broker gives";
    throw new XylemError("INVALID_TIMESTAMP", detail);
  }
  const target = settings["compression.type"];
  const targetCodec = target === "uncompressed" ? "none" : target;
  const isRecompressed = targetCodec !== "producer" && targetCodec !== batch.codec;
  const isOpened =
    !batch.isCompressed ||
    isRecompressed ||
    isCompacted(settings) ||
    settings["record.validation"] === "full";
  if (!isOpened) {
    checkHeadTimestamps(batch, rules);
    return withTime(batch, rules, tools.crc32c, batch.maxTimestamp);
  }
  const records = openBatch(batch, rules, tools);
  const findings = inspect(batch, records, rules);
  let stored = batch;
  if (!findings.isSequential) {
    if (!batch.isCompressed) {
      throw new XylemError("INVALID_RECORD", "offsets of records are not 0, 1, 2 and so on");
    }
    stored = rebuildBatch(batch, records, isRecompressed ? targetCodec : batch.codec, {
      settings,
      ...tools,
    });
  } else if (isRecompressed) {
    stored = recompressBatch(batch, records, targetCodec, { settings, ...tools });
  }
  return withTime(stored, rules, tools.crc32c, findings.maxTimestamp);
}

export function isCompacted(settings: TopicSettings): boolean {
  return settings["cleanup.policy"].includes("compact");
}

function openBatch(batch: RecordBatch, rules: ValidationRules, tools: ValidationTools): Uint8Array {
  const expandedBytesMax = rules.settings["max.message.bytes"] * expansionMax;
  const sizeBytesMax = Math.min(Math.max(expandedBytesMin, expandedBytesMax), 2 ** 31 - 1);
  try {
    return openRecords(batch, { compression: tools.compression, sizeBytesMax });
  } catch (error) {
    throw refusal(error);
  }
}

/** Check 17. */
function inspect(batch: RecordBatch, records: Uint8Array, rules: ValidationRules): RecordFindings {
  const { settings } = rules;
  const [timestampMsMin, timestampMsMax] = timestampBounds(rules);
  let findings: RecordFindings;
  try {
    findings = inspectRecords(records, batch.recordCount, {
      baseTimestamp: batch.baseTimestamp,
      isKeyRequired: isCompacted(settings),
      timestampMsMin,
      timestampMsMax,
    });
  } catch (error) {
    throw refusal(error);
  }
  const { refused } = findings;
  if (refused.length === 0) return findings;
  const isTimestamp = refused.some(({ reason }) => reason === "timestamp");
  const code = isTimestamp ? "INVALID_TIMESTAMP" : "INVALID_RECORD";
  const detail = isTimestamp
    ? "timestamps lie outside message.timestamp.before/after.max.ms"
    : "records of a compacted topic have keys";
  throw new RecordsRefused(
    code,
    detail,
    refused.map(({ index }) => index),
  );
}

function refusal(error: unknown): unknown {
  if (!(error instanceof MalformedError)) return error;
  return new XylemError("INVALID_RECORD", error.message, { cause: error });
}

function timestampBounds(rules: ValidationRules): [number, number] {
  const { settings, nowMs } = rules;
  if (settings["message.timestamp.type"] === "LogAppendTime") return [-Infinity, Infinity];
  const earliest = nowMs - settings["message.timestamp.before.max.ms"];
  return [earliest, Math.min(nowMs + settings["message.timestamp.after.max.ms"], 2 ** 53 - 1)];
}

/** Of a batch that stays closed the head is all there is to judge. */
function checkHeadTimestamps(batch: RecordBatch, rules: ValidationRules): void {
  const [min, max] = timestampBounds(rules);
  for (const timestamp of [batch.baseTimestamp, batch.maxTimestamp]) {
    if (timestamp === -1 || (timestamp >= min && timestamp <= max)) continue;
    const detail = `timestamp ${timestamp} lies outside message.timestamp.before/after.max.ms`;
    throw new XylemError("INVALID_TIMESTAMP", detail);
  }
}

/** The sum is renewed only where the bytes change. */
function withTime(
  batch: RecordBatch,
  rules: ValidationRules,
  crc32c: Crc32c,
  maxTimestamp: Int64,
): RecordBatch {
  if (rules.settings["message.timestamp.type"] === "LogAppendTime") {
    batch.setLogAppendTime(rules.nowMs, crc32c);
  } else if (batch.maxTimestamp !== maxTimestamp) {
    batch.setCreateTime(maxTimestamp, crc32c);
  }
  return batch;
}
