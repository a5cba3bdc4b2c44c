import type { Crc32c } from "../../base/crc32c.ts";
import { MalformedError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { BatchWalk } from "../../log/batch-walk.ts";
import { KafkaMetadata } from "../../log/kafka-metadata.ts";
import { formatSegmentName, parseSegmentName } from "../../log/segment-name.ts";
import type { Compression } from "../../protocol/compression.ts";
import { decodeRecords } from "../../protocol/record.ts";
import { scanSegment } from "../partition/segment/scan-segment.ts";
import type { Disk } from "../ports/disk.ts";

export interface MetadataTools {
  readonly disk: Disk;
  readonly crc32c: Crc32c;
  readonly compression: Compression;
  readonly log: Log;
}

export interface MetadataRead {
  readonly metadata: KafkaMetadata;
  /** Nothing of it is missing: what is not there was deleted, or never was. */
  readonly isWhole: boolean;
}

const folder = "__cluster_metadata-0";
/** Offset that follows what the snapshot covers, and the epoch of the last record in it. */
const snapshotPattern = /^(\d{20})-\d{10}\.checkpoint$/;
/** What the records of one batch may decompress to. */
const batchBytesMax = 64 * 1024 * 1024;

/**
 * The metadata that a Kafka node in KRaft mode keeps beside its partitions: its newest snapshot and
 * the log behind it. Undefined without any. Ends, with a warning, before a record that can not be
 * read. Changes nothing: Kafka finds its files as it left them.
 */
export async function readKafkaMetadata(tools: MetadataTools): Promise<MetadataRead | undefined> {
  const names = (await tools.disk.list(folder)).map(({ name }) => name);
  const snapshot = names
    .filter((name) => snapshotPattern.test(name))
    .toSorted()
    .at(-1);
  const bases = names
    .map((name) => parseSegmentName(name))
    .filter((parsed) => parsed?.suffix === ".log")
    .map((parsed) => parsed?.baseOffset ?? 0)
    .toSorted((one, other) => one - other);
  if (snapshot === undefined && bases.length === 0) return undefined;
  const reading = new MetadataReading(tools);
  const from = snapshot === undefined ? 0 : Number(snapshot.slice(0, 20));
  let isWhole = snapshot === undefined || (await reading.read(snapshot, 0));
  if (isWhole && (bases[0] ?? from) > from) {
    isWhole = false;
    tools.log.warn("the beginning of Kafka's metadata is missing", { from, found: bases[0] });
  }
  for (const [index, baseOffset] of bases.entries()) {
    if ((bases[index + 1] ?? Infinity) <= from) continue;
    if (reading.hasStopped) break;
    isWhole = (await reading.read(formatSegmentName(baseOffset, ".log"), from)) && isWhole;
  }
  return { metadata: reading.metadata, isWhole };
}

class MetadataReading {
  readonly metadata = new KafkaMetadata();
  /** A record could not be read: what follows it would not be what Kafka has. */
  hasStopped = false;
  readonly #tools: MetadataTools;

  constructor(tools: MetadataTools) {
    this.#tools = tools;
  }

  /** Applies the batches of a file from an offset on; answers whether all could be read. */
  async read(name: string, from: number): Promise<boolean> {
    const { disk, crc32c, log } = this.#tools;
    const path = `${folder}/${name}`;
    const file = await disk.open(path, { create: false });
    const start = { position: 0, offsetMin: 0, isExact: false, sumsFromOffset: 0, endOffset: -1 };
    try {
      const end = await scanSegment(file, start, crc32c, (walk) => {
        if (walk.lastOffset >= from) this.#apply(walk);
      });
      if (end.damage === undefined) return true;
      log.warn("Kafka's metadata is read up to here", { path, ...end });
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      log.warn("Kafka's metadata holds a record that is not understood", {
        path,
        why: error.message,
      });
    } finally {
      await file.close();
    }
    this.hasStopped = true;
    return false;
  }

  #apply({ batch }: BatchWalk): void {
    if (batch.isControl) return;
    const { compression } = this.#tools;
    for (const { value } of decodeRecords(batch, { compression, sizeBytesMax: batchBytesMax })) {
      if (value !== null) this.metadata.apply(value);
    }
  }
}
