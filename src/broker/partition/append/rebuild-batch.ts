import { writeInt32 } from "../../../base/bytes.ts";
import type { Crc32c } from "../../../base/crc32c.ts";
import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import { encodeRecords } from "../../../protocol/encode-records.ts";
import { type Codec, codecs, type Compression } from "../../../protocol/compression.ts";
import {
  batchBits,
  batchFields,
  batchHeaderBytes,
  batchOverheadBytes,
  RecordBatch,
} from "../../../protocol/record-batch.ts";
import { readHeaders } from "../../../protocol/record.ts";
import { addTimestamps, RecordWalk } from "../../../protocol/record-walk.ts";

export interface RebuildTools {
  readonly settings: TopicSettings;
  readonly crc32c: Crc32c;
  readonly compression: Compression;
}

/** The batch with the same head and the same records (given open), stored with another codec. */
export function recompressBatch(
  batch: RecordBatch,
  records: Uint8Array,
  codec: Codec,
  tools: RebuildTools,
): RecordBatch {
  const level = levelOf(codec, tools.settings);
  const payload = tools.compression.compress(codec, records, level);
  const bytes = new Uint8Array(batchHeaderBytes + payload.length);
  bytes.set(batch.source.subarray(batch.position, batch.position + batchHeaderBytes));
  bytes.set(payload, batchHeaderBytes);
  const attributes = (batch.attributes & ~batchBits.codec) | codecs.indexOf(codec);
  bytes[batchFields.attributes + 1] = attributes;
  writeInt32(bytes, batchFields.batchLength, bytes.length - batchOverheadBytes);
  writeInt32(bytes, batchFields.crc, tools.crc32c(bytes.subarray(batchFields.attributes)));
  return new RecordBatch(bytes);
}

/** As `recompressBatch`, and the records are numbered 0, 1, 2 and so on. */
export function rebuildBatch(
  batch: RecordBatch,
  records: Uint8Array,
  codec: Codec,
  tools: RebuildTools,
): RecordBatch {
  const walk = new RecordWalk(records, batch.recordCount);
  const { baseTimestamp } = batch;
  const inputs = [];
  while (walk.next()) {
    const timestampMs = addTimestamps(baseTimestamp, walk.timestampDelta);
    inputs.push({ key: walk.key, value: walk.value, headers: readHeaders(walk), timestampMs });
  }
  return recompressBatch(batch, encodeRecords(inputs, baseTimestamp), codec, tools);
}

function levelOf(codec: Codec, settings: TopicSettings): number | undefined {
  if (codec === "gzip") return settings["compression.gzip.level"];
  if (codec === "lz4") return settings["compression.lz4.level"];
  if (codec === "zstd") return settings["compression.zstd.level"];
  return undefined;
}
