import { expect, test } from "vitest";
import { joinBytes } from "../../base/bytes.ts";
import { crc32c } from "../../codecs/native-crc32c.ts";
import { compression } from "../../codecs/node-compression.ts";
import { type BatchOptions, buildBatch, buildMarker } from "../../protocol/build-batch.ts";
import { recordBatches } from "../../protocol/record-batch.ts";
import { decodeRecords } from "../../protocol/record.ts";
import { mirrorBatches } from "./mirrored-batches.ts";

const tools = { crc32c, compression };
const timestampMs = 1_767_225_600_000;

function batch(baseOffset: number, values: readonly string[], options: BatchOptions = {}) {
  const records = values.map((value) => {
    return { key: null, value: new TextEncoder().encode(value), timestampMs };
  });
  return buildBatch(records, { ...options, baseOffset, leaderEpoch: 7 }, tools);
}

function transactional(baseOffset: number, values: readonly string[], producerId: number) {
  const options = { producerId, producerEpoch: 1, baseSequence: 0, isTransactional: true };
  return batch(baseOffset, values, options);
}

function marker(baseOffset: number, type: "abort" | "commit", producerId: number) {
  const who = { producerId, producerEpoch: 1, coordinatorEpoch: 0 };
  return buildMarker({ ...who, type, timestampMs, baseOffset }, tools);
}

/** Batches as `base-last: values`, and that each is whole, sound and of no producer. */
function shown(bytes: Uint8Array): string[] {
  return [...recordBatches(bytes)].map((one) => {
    expect([one.isWhole, one.isCrcValid(crc32c)]).toEqual([true, true]);
    expect([one.producerId, one.producerEpoch, one.baseSequence]).toEqual([-1, -1, -1]);
    expect([one.isTransactional, one.isControl]).toEqual([false, false]);
    const records = decodeRecords(one, { compression, sizeBytesMax: 1_000_000 });
    const values = records.map(({ value }) => new TextDecoder().decode(value ?? new Uint8Array()));
    return `${one.baseOffset}-${one.lastOffset}: ${values.join(" ")}`.trim();
  });
}

function mirror(
  batches: readonly Uint8Array[],
  rest: Partial<Parameters<typeof mirrorBatches>[0]>,
) {
  const fetched = { bytes: joinBytes(batches), aborted: [], from: 0, isDense: true, ...rest };
  const { parts, next, recordCount } = mirrorBatches(fetched);
  return { batches: shown(joinBytes(parts)), next, recordCount };
}

test("batches without a producer pass as they are, to the byte", () => {
  const bytes = joinBytes([batch(0, ["a", "b"]), batch(2, ["c"], { codec: "gzip" })]);
  const before = bytes.slice();
  const mirrored = mirrorBatches({ bytes, aborted: [], from: 0, isDense: true });
  expect(joinBytes(mirrored.parts)).toEqual(before);
  expect(mirrored.sizeBytes).toBe(before.length);
  expect([mirrored.next, mirrored.recordCount]).toEqual([3, 3]);
});

test("a producer's id, epoch and sequence are blanked: at the target it is another's", () => {
  const idempotent = { producerId: 5, producerEpoch: 2, baseSequence: 40 };
  expect(mirror([batch(0, ["a"], idempotent)], {})).toEqual({
    batches: ["0-0: a"],
    next: 1,
    recordCount: 1,
  });
});

test("aborted transactions and markers leave their offsets used and nothing to read", () => {
  const stored = [
    transactional(0, ["a", "b"], 1),
    transactional(2, ["c"], 2),
    marker(3, "abort", 1),
    transactional(4, ["d"], 1),
    marker(5, "commit", 2),
    marker(6, "commit", 1),
    batch(7, ["e"]),
  ];
  expect(mirror(stored, { aborted: [{ producerId: 1, firstOffset: 0 }] })).toEqual({
    batches: ["0-1:", "2-2: c", "3-3:", "4-4: d", "5-6:", "7-7: e"],
    next: 8,
    recordCount: 3,
  });
});

test("a transaction that was aborted twice is left out twice, and the one between is not", () => {
  const stored = [
    transactional(0, ["a"], 1),
    marker(1, "abort", 1),
    transactional(2, ["b"], 1),
    marker(3, "commit", 1),
    transactional(4, ["c"], 1),
    marker(5, "abort", 1),
  ];
  const aborted = [
    { producerId: 1, firstOffset: 4 },
    { producerId: 1, firstOffset: 0 },
  ];
  expect(mirror(stored, { aborted }).batches).toEqual(["0-1:", "2-2: b", "3-5:"]);
});

test("what compaction left out stays a gap, or is filled where the target has none", () => {
  const stored = [batch(3, ["a"]), batch(10, ["b"]), marker(20, "commit", 1)];
  expect(mirror(stored, { isDense: false }).batches).toEqual(["3-3: a", "10-10: b", "11-20:"]);
  expect(mirror(stored, {}).batches).toEqual(["0-2:", "3-3: a", "4-9:", "10-10: b", "11-20:"]);
});

test("a batch that is cut off at the end of an answer is left for the next", () => {
  const stored = [batch(0, ["a"]), batch(1, ["b"]).subarray(0, 40)];
  expect(mirror(stored, {})).toEqual({ batches: ["0-0: a"], next: 1, recordCount: 1 });
});

test("more offsets than one batch can span are used up by several", () => {
  const far = 2 ** 31 + 5;
  const { batches, next } = mirror([batch(far, ["a"])], {});
  expect(batches).toEqual([`0-${2 ** 31 - 1}:`, `${2 ** 31}-${far - 1}:`, `${far}-${far}: a`]);
  expect(next).toBe(far + 1);
});

test.each(["none", "gzip"] as const)(
  "of a batch that begins before the target's end what is left is written anew (%s)",
  (codec) => {
    const options = { codec, producerId: 5, producerEpoch: 2, baseSequence: 40 };
    const stored = () => batch(3, ["a", "b", "c", "d"], options);
    const rest = mirrorBatches({ bytes: stored(), aborted: [], from: 5, isDense: true });
    const [one] = [...recordBatches(joinBytes(rest.parts))];
    expect([one?.codec, one?.partitionLeaderEpoch, Number(one?.maxTimestamp)]).toEqual([
      codec,
      7,
      timestampMs,
    ]);
    expect(mirror([stored(), batch(7, ["e"])], { from: 5 })).toEqual({
      batches: ["5-6: c d", "7-7: e"],
      next: 8,
      recordCount: 3,
    });
    // As the newest batch it is compared with what the source would give again.
    const again = mirrorBatches({ bytes: stored(), aborted: [], from: 5, isDense: false });
    expect(again.parts).toEqual(rest.parts);
  },
);
