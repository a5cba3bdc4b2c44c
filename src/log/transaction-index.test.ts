import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AbortedTransaction,
  transactionEntryBytes,
  TransactionIndex,
} from "./transaction-index.ts";

const one: AbortedTransaction = {
  producerId: 258,
  firstOffset: 10,
  lastOffset: 15,
  lastStableOffset: 12,
};
const bounds = { baseOffset: 0, endOffset: 1_000_000 };

describe("a transaction index", () => {
  test("has Kafka's entries: version, producer, first, marker and last stable offset", () => {
    expect(Buffer.from(new TransactionIndex([one]).toBytes()).toString("hex")).toBe(
      ["0000", "0000000000000102", "000000000000000a", "000000000000000f", "000000000000000c"].join(
        "",
      ),
    );
  });

  test("read from its bytes is the same, from any entry on", () => {
    const entries = Array.from({ length: 40 }, (_, index) => ({ ...one, lastOffset: 15 + index }));
    const index = new TransactionIndex(entries);
    const { index: read, isWhole } = TransactionIndex.parse(index.toBytes(), bounds);
    expect([isWhole, read.entries()]).toEqual([true, entries]);
    expect(index.toBytes(39).length).toBe(transactionEntryBytes);
    read.truncateToOffset(20);
    expect(read.entries()).toEqual(entries.slice(0, 5));
  });

  test("ends before an entry that is cut off or can not be true", () => {
    const good = { ...one, lastOffset: 20 };
    const whole = new TransactionIndex([one, good]).toBytes();
    const cut = TransactionIndex.parse(whole.subarray(0, whole.length - 1), bounds);
    expect([cut.isWhole, cut.index.entries()]).toEqual([false, [one]]);
    for (const at of [34, 36, 44, 52, 60]) {
      const spoiled = whole.slice();
      spoiled[at] = 0x80;
      const parsed = TransactionIndex.parse(spoiled, bounds);
      expect([parsed.isWhole, parsed.index.entries()]).toEqual([false, [one]]);
    }
    const past = TransactionIndex.parse(whole, { baseOffset: 0, endOffset: 20 });
    expect(past.isWhole).toBe(false);
  });

  test("of two segments tells what a search through all transactions tells", () => {
    fc.assert(
      fc.property(history(), fc.nat(60), fc.nat(60), fc.nat(60), (entries, from, length, roll) => {
        const to = from + length;
        const found: AbortedTransaction[] = [];
        const first = new TransactionIndex(entries.filter(({ lastOffset }) => lastOffset < roll));
        const second = new TransactionIndex(entries.slice(first.count));
        if (!first.collect(from, to, found)) second.collect(from, to, found);
        const overlaps = (entry: AbortedTransaction): boolean =>
          entry.lastOffset >= from && entry.firstOffset < to;
        expect(found).toEqual(entries.filter(overlaps));
      }),
    );
  });
});

/** Entries as a log with several producers makes them: each step is a record or an abort. */
function history(): fc.Arbitrary<AbortedTransaction[]> {
  const step = fc.record({ producerId: fc.nat(3), isAbort: fc.boolean() });
  return fc.array(step, { maxLength: 60 }).map((steps) => {
    const open = new Map<number, number>();
    const entries: AbortedTransaction[] = [];
    steps.forEach(({ producerId, isAbort }, offset) => {
      const firstOffset = open.get(producerId);
      if (!isAbort) open.set(producerId, firstOffset ?? offset);
      else if (open.delete(producerId)) {
        const lastStableOffset = Math.min(offset + 1, ...open.values());
        const place = { firstOffset: firstOffset as number, lastOffset: offset };
        entries.push({ producerId, ...place, lastStableOffset });
      }
    });
    return entries;
  });
}
