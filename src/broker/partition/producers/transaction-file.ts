import { assert } from "../../../base/assert.ts";
import { formatSegmentName } from "../../../log/segment-name.ts";
import { transactionEntryBytes, TransactionIndex } from "../../../log/transaction-index.ts";
import type { IndexOwner } from "../segment/index-cache.ts";
import type { PartitionContext } from "../partition-context.ts";
import { replaceFile } from "../directory/replace-file.ts";

/** "none": no transaction was aborted in the segment. "unknown": the file may have been lost. */
export type TransactionFileFate = "there" | "none" | "unknown";

/** Where the file lies. */
interface Place {
  readonly directory: string;
  readonly baseOffset: number;
}

const noTransactions = new TransactionIndex();

/**
 * The `.txnindex` of one segment. It is there only when a transaction was aborted in the segment,
 * so its absence says something too: whatever is written is synced, its name included, and what
 * once stood in it is never cut while it is true.
 */
export class TransactionFile implements IndexOwner {
  readonly #context: PartitionContext;
  readonly #place: Place;
  #fate: TransactionFileFate;
  /** Entries that the file surely holds; below 0 it is to be written anew. */
  #storedCount = -1;
  #index: TransactionIndex | undefined;

  constructor(context: PartitionContext, place: Place, fate: TransactionFileFate) {
    this.#context = context;
    this.#place = place;
    this.#fate = fate;
  }

  get isUnknown(): boolean {
    return this.#fate === "unknown";
  }

  /** No marker lies in the segment. */
  noteNone(): void {
    if (this.isUnknown) this.#fate = "none";
  }

  /** Of a segment that is not appended to. Undefined: the file does not hold what it should. */
  read(endOffset: number): TransactionIndex | Promise<TransactionIndex | undefined> {
    if (this.#fate === "none") return noTransactions;
    if (this.#index === undefined) return this.#load(endOffset);
    this.#context.indexes.touch(this);
    return this.#index;
  }

  /** The entries below `from`, to go on with; undefined as above. */
  async resume(from: number): Promise<TransactionIndex | undefined> {
    if (this.#fate === "none") return new TransactionIndex();
    const parsed = await this.#parse(Infinity);
    if (!parsed.isWhole && from > this.#place.baseOffset) return undefined;
    const { count } = parsed.index;
    parsed.index.truncateToOffset(from);
    // It came after `from`, or a bit of it flipped: only the log can tell.
    if (parsed.index.count < count && from > this.#place.baseOffset) return undefined;
    this.#storedCount = parsed.index.count;
    return parsed.index;
  }

  /** Brings the file up to date with an index that has grown since the last call, or is new. */
  async store(index: TransactionIndex): Promise<void> {
    const { count } = index;
    const isThere = this.#fate === "there";
    if (count === 0 && !isThere) this.#fate = "none";
    if (this.#storedCount === count || (count === 0 && !isThere)) return;
    const storedCount = isThere ? this.#storedCount : -1;
    const bytes = index.toBytes(Math.max(0, storedCount));
    this.#storedCount = -1;
    if (storedCount < 0) await this.#writeAnew(bytes);
    else await this.#append(bytes, storedCount * transactionEntryBytes);
    this.#storedCount = count;
  }

  /** The entries were found anew: nothing that the file says is to be kept. */
  reset(): void {
    this.#storedCount = -1;
    this.drop();
  }

  /** No entry comes any more; `index` is what `store` wrote. */
  keep(index: TransactionIndex): void {
    if (this.#fate !== "there") return;
    this.#index = index;
    this.#context.indexes.keep(this, index.sizeBytes);
  }

  drop(): void {
    this.#context.indexes.forget(this);
    this.#index = undefined;
  }

  dropIndex(): void {
    this.#index = undefined;
  }

  get #name(): string {
    return formatSegmentName(this.#place.baseOffset, ".txnindex");
  }

  async #load(endOffset: number): Promise<TransactionIndex | undefined> {
    const parsed = await this.#parse(endOffset);
    if (!parsed.isWhole) return undefined;
    this.keep(parsed.index);
    return parsed.index;
  }

  async #parse(endOffset: number): Promise<{ index: TransactionIndex; isWhole: boolean }> {
    const { directory, baseOffset } = this.#place;
    if (this.#fate === "unknown") return { index: new TransactionIndex(), isWhole: false };
    const bytes = await this.#context.disk.readFile(`${directory}/${this.#name}`);
    return TransactionIndex.parse(bytes ?? new Uint8Array(0), { baseOffset, endOffset });
  }

  async #writeAnew(bytes: Uint8Array): Promise<void> {
    const { disk } = this.#context;
    await replaceFile(disk, { directory: this.#place.directory, name: this.#name }, bytes);
    this.#fate = "there";
  }

  /** Keeps so many bytes of the file and puts `bytes` behind them. */
  async #append(bytes: Uint8Array, keptBytes: number): Promise<void> {
    const path = `${this.#place.directory}/${this.#name}`;
    const file = await this.#context.disk.open(path, { create: false });
    try {
      if (file.sizeBytes > keptBytes) await file.truncate(keptBytes);
      assert(file.sizeBytes === keptBytes, `${path} is shorter than it was`);
      await file.append([bytes]);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}
