import { formatSegmentName, type SegmentSuffix } from "../../../log/segment-name.ts";
import { SegmentIndexes } from "../../../log/segment-indexes.ts";
import { type AbortedTransaction, TransactionIndex } from "../../../log/transaction-index.ts";
import type { RecordBatch } from "../../../protocol/record-batch.ts";
import type { Disk, DiskFile } from "../../ports/disk.ts";

/** So much is written before it is flushed: one large flush would hold up those of appends. */
const unsyncedBytesMax = 4 * 1024 * 1024;

/** Where a segment is written that is to take the place of others. */
export interface CleanedPlace {
  readonly disk: Disk;
  readonly folder: string;
  readonly baseOffset: number;
  readonly indexIntervalBytes: number;
}

/** Writes the `.cleaned` files of one segment (records.md, Files outside a segment's life). */
export class CleanedSegment {
  readonly #place: CleanedPlace;
  readonly #file: DiskFile;
  readonly #indexes: SegmentIndexes;
  readonly #aborted = new TransactionIndex();
  #chunks: Uint8Array[] = [];
  #pendingBytes = 0;
  #unsyncedBytes = 0;
  sizeBytes = 0;
  firstTimestampMs = -1;

  private constructor(place: CleanedPlace, file: DiskFile) {
    this.#place = place;
    this.#file = file;
    this.#indexes = new SegmentIndexes(place.baseOffset);
  }

  /** What an earlier pass left at the same place goes. */
  static async create(place: CleanedPlace): Promise<CleanedSegment> {
    const file = await openEmpty(place.disk, pathOf(place, ".log"));
    return new CleanedSegment(place, file);
  }

  get largestTimestampMs(): number {
    return this.#indexes.largest?.timestampMs ?? -1;
  }

  get hasAborted(): boolean {
    return this.#aborted.count > 0;
  }

  /** Takes a batch; its bytes must stay as they are until the next `write`. */
  add(batch: RecordBatch): void {
    const { sizeBytes, lastOffset } = batch;
    const timestamp = batch.maxTimestamp;
    const maxTimestampMs = typeof timestamp === "number" ? timestamp : -1;
    const position = this.sizeBytes;
    if (position === 0) this.firstTimestampMs = maxTimestampMs;
    const interval = this.#place.indexIntervalBytes;
    this.#indexes.add({ position, sizeBytes, lastOffset, maxTimestampMs }, interval);
    this.#chunks.push(batch.bytes);
    this.sizeBytes += sizeBytes;
    this.#pendingBytes += sizeBytes;
  }

  addAborted(transaction: AbortedTransaction): void {
    this.#aborted.append(transaction);
  }

  /** Writes what was taken; answers how many bytes it was. */
  async write(): Promise<number> {
    const sizeBytes = this.#pendingBytes;
    if (sizeBytes === 0) return 0;
    // A copy: a disk in memory keeps it, and would keep all that was read with it.
    const bytes = new Uint8Array(sizeBytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [];
    this.#pendingBytes = 0;
    await this.#file.append([bytes]);
    this.#unsyncedBytes += sizeBytes;
    if (this.#unsyncedBytes >= unsyncedBytesMax) await this.#sync();
    return sizeBytes;
  }

  /** Everything is on the disk when it resolves, but for the names. */
  async finish(): Promise<void> {
    await this.write();
    await this.#sync();
    const indexes = this.#indexes;
    indexes.finish();
    await this.#store(".index", indexes.offsets.toBytes());
    await this.#store(".timeindex", indexes.times.toBytes());
    if (this.hasAborted) await this.#store(".txnindex", this.#aborted.toBytes());
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #sync(): Promise<void> {
    this.#unsyncedBytes = 0;
    await this.#file.sync();
  }

  async #store(suffix: SegmentSuffix, bytes: Uint8Array): Promise<void> {
    const file = await openEmpty(this.#place.disk, pathOf(this.#place, suffix));
    try {
      await file.append([bytes]);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

function pathOf({ folder, baseOffset }: CleanedPlace, suffix: SegmentSuffix): string {
  return `${folder}/${formatSegmentName(baseOffset, suffix)}.cleaned`;
}

async function openEmpty(disk: Disk, path: string): Promise<DiskFile> {
  const file = await disk.open(path, { create: true });
  if (file.sizeBytes > 0) await file.truncate(0);
  return file;
}
