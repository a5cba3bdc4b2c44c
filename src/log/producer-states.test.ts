import { describe, expect, test } from "vitest";
import { portableCrc32c } from "../base/crc32c.ts";
import { XylemError } from "../base/errors.ts";
import { readProducerSnapshot, writeProducerSnapshot } from "./producer-snapshot.ts";
import { type ProducedHeader, ProducerStates } from "./producer-states.ts";

const header = (baseSequence: number, more: Partial<ProducedHeader> = {}): ProducedHeader => ({
  producerId: 1,
  producerEpoch: 0,
  baseSequence,
  lastOffsetDelta: 0,
  maxTimestampMs: 5,
  isTransactional: false,
  ...more,
});

function codeOf(verdict: ReturnType<ProducerStates["check"]>): string {
  if (verdict === undefined) return "next";
  return verdict instanceof XylemError ? verdict.code : "duplicate";
}

describe("producer states", () => {
  test("sequences wrap from 2147483647 to 0", () => {
    const states = new ProducerStates();
    const last = header(0x7ffffffe, { lastOffsetDelta: 3 });
    states.apply(last, { lastOffset: 3, nowMs: 0 });
    expect(codeOf(states.check(last))).toBe("duplicate");
    expect(codeOf(states.check(header(2)))).toBe("next");
    expect(codeOf(states.check(header(3)))).toBe("OUT_OF_ORDER_SEQUENCE_NUMBER");
    const [read] = readProducerSnapshot(
      writeProducerSnapshot(states.values(), portableCrc32c),
      portableCrc32c,
      0,
    );
    expect(read?.batches[0]).toMatchObject({ firstSequence: 0x7ffffffe, lastSequence: 1 });
  });

  test("a marker with a higher epoch starts the sequences again at 0", () => {
    const states = new ProducerStates();
    states.apply(header(0, { isTransactional: true }), { lastOffset: 0, nowMs: 0 });
    expect(states.find(1)?.currentTxnFirstOffset).toBe(0);
    expect(codeOf(states.check(header(1)))).toBe("INVALID_TXN_STATE");
    const marker = header(-1, { producerEpoch: 1 });
    states.apply(marker, {
      lastOffset: 1,
      nowMs: 0,
      marker: { isAbort: false, coordinatorEpoch: 7 },
    });
    expect(states.find(1)).toMatchObject({ currentTxnFirstOffset: -1, coordinatorEpoch: 7 });
    expect(codeOf(states.check(header(0, { producerEpoch: 1 })))).toBe("next");
    expect(codeOf(states.check(header(1, { producerEpoch: 1 })))).toBe(
      "OUT_OF_ORDER_SEQUENCE_NUMBER",
    );
  });

  test("undone appends, newest first, leave the state as it was", () => {
    const states = new ProducerStates();
    states.apply(header(0), { lastOffset: 0, nowMs: 0 });
    const before = [...states.values()];
    const first = states.apply(header(1), { lastOffset: 1, nowMs: 0 });
    const second = states.apply(header(2), { lastOffset: 2, nowMs: 0 });
    const third = states.apply(header(0, { producerId: 2 }), { lastOffset: 3, nowMs: 0 });
    states.undo(2, third.before);
    states.undo(1, second.before);
    states.undo(1, first.before);
    expect([...states.values()]).toEqual(before);
  });

  test("a snapshot with any bit flipped is refused", () => {
    const states = new ProducerStates();
    states.apply(header(3), { lastOffset: 9, nowMs: 0 });
    const bytes = writeProducerSnapshot(states.values(), portableCrc32c);
    expect(bytes.length).toBe(56);
    for (let at = 0; at < bytes.length; at += 1) {
      const spoiled = bytes.slice();
      spoiled[at] = (spoiled[at] as number) ^ 1;
      expect(() => readProducerSnapshot(spoiled, portableCrc32c, 0)).toThrow("producer snapshot");
    }
  });
});
