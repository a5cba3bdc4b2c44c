import { assert } from "../base/assert.ts";

const isOpen = -1;

/**
 * The transactions that hold the last stable offset back: open ones, and those whose marker is not
 * committed yet. Known by their first offsets, of which no two are equal.
 */
export class UnstableTransactions {
  /** First offset to marker, or to `isOpen`; ascending if sorted. */
  #transactions = new Map<number, number>();
  #isSorted = true;
  /** The largest first offset so far. */
  #newest = -1;
  /** Those that have a marker, by ascending marker. */
  readonly #ended: { readonly firstOffset: number; readonly marker: number }[] = [];
  #openCount = 0;

  get openCount(): number {
    return this.#openCount;
  }

  /** Of all: below it every transaction is decided. Undefined without any. */
  get firstOffset(): number | undefined {
    this.#sort();
    return this.#transactions.keys().next().value;
  }

  /** Of the open ones but that which begins at `except`; undefined without any. */
  firstOpen(except: number): number | undefined {
    this.#sort();
    for (const [firstOffset, marker] of this.#transactions) {
      if (marker === isOpen && firstOffset !== except) return firstOffset;
    }
    return undefined;
  }

  begin(firstOffset: number): void {
    assert(!this.#transactions.has(firstOffset), `two transactions begin at ${firstOffset}`);
    // Appends ascend; the producers of a snapshot come in any order.
    if (firstOffset < this.#newest) this.#isSorted = false;
    this.#newest = Math.max(this.#newest, firstOffset);
    this.#transactions.set(firstOffset, isOpen);
    this.#openCount += 1;
  }

  end(firstOffset: number, marker: number): void {
    assert(this.#transactions.get(firstOffset) === isOpen, `none is open at ${firstOffset}`);
    this.#transactions.set(firstOffset, marker);
    this.#ended.push({ firstOffset, marker });
    this.#openCount -= 1;
  }

  /** Takes back the newest `begin`. */
  undoBegin(firstOffset: number): void {
    this.#transactions.delete(firstOffset);
    this.#openCount -= 1;
  }

  /** Takes back the newest `end`. */
  undoEnd(firstOffset: number): void {
    const last = this.#ended.pop();
    assert(last?.firstOffset === firstOffset, "markers are taken back newest first");
    this.#transactions.set(firstOffset, isOpen);
    this.#openCount += 1;
  }

  /** Markers below `committed` count from here on. */
  settle(committed: number): void {
    let count = 0;
    for (const { firstOffset, marker } of this.#ended) {
      if (marker >= committed) break;
      this.#transactions.delete(firstOffset);
      count += 1;
    }
    if (count > 0) this.#ended.splice(0, count);
  }

  #sort(): void {
    if (this.#isSorted) return;
    this.#isSorted = true;
    const entries = [...this.#transactions].sort(([one], [other]) => one - other);
    this.#transactions = new Map(entries);
  }
}
