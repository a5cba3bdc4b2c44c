import { expect, test } from "vitest";
import { topicDefaults } from "../../configs/topic-defaults.ts";
import { defaultNodeSettings } from "../../../base/settings/node-settings.ts";
import { type CopyLimit, CopyPace, type CopyWaiter } from "./copy-pace.ts";

const settings = topicDefaults(defaultNodeSettings);
const tickMs = 100;
const pieceBytes = 16_384;

/** Copies without end, for as much as it is given. */
class Copier implements CopyWaiter {
  readonly #pace: CopyPace;
  readonly joinerId: number;
  sizeBytes = 0;
  isDone = false;

  constructor(pace: CopyPace, joinerId: number) {
    this.#pace = pace;
    this.joinerId = joinerId;
  }

  roomOpened(): void {
    while (!this.isDone) {
      const copy = { partition: 0, joinerId: this.joinerId, settings };
      const sizeBytes = this.#pace.take(copy, 1_048_576, this);
      if (sizeBytes === 0) return;
      this.sizeBytes += sizeBytes;
    }
  }
}

function worldOf(limitsOf: (joinerId: number) => CopyLimit[]) {
  const time = { nowMs: 0 };
  const pace = new CopyPace({
    limitsOf: ({ joinerId }) => limitsOf(joinerId),
    nowMs: () => time.nowMs,
  });
  const run = (ms: number): void => {
    for (const endMs = time.nowMs + ms; time.nowMs < endMs;) {
      time.nowMs += tickMs;
      pace.tick();
    }
  };
  return { pace, run };
}

const oneLimit = (bytesPerSecond: number) => () => [{ key: "node", bytesPerSecond }];

test.each([20_000, 1_000_000, 50_000_000])("one copies at the rate of %i", (rate) => {
  const { pace, run } = worldOf(oneLimit(rate));
  const copier = new Copier(pace, 1);
  copier.roomOpened();
  run(10_000);
  expect(copier.sizeBytes).toBeGreaterThan(rate * 9.5);
  expect(copier.sizeBytes).toBeLessThan(rate * 10.5 + pieceBytes);
});

test("many share one rate evenly, however slow it is", () => {
  const { pace, run } = worldOf(oneLimit(100_000));
  const copiers = Array.from({ length: 20 }, (_, id) => new Copier(pace, id));
  for (const copier of copiers) copier.roomOpened();
  run(60_000);
  const sizes = copiers.map(({ sizeBytes }) => sizeBytes);
  // The first ones share what the bucket holds at the beginning.
  expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(3 * pieceBytes);
  const sum = sizes.reduce((total, size) => total + size, 0);
  expect(sum).toBeLessThan(100_000 * 60.5 + pieceBytes);
  expect(sum).toBeGreaterThan(100_000 * 59);
});

test("who has a slower limit of its own does not hold up others", () => {
  const { pace, run } = worldOf((id) => [
    { key: "node", bytesPerSecond: 1_000_000 },
    ...(id === 1 ? [{ key: "follower/1", bytesPerSecond: 50_000 }] : []),
  ]);
  const [slow, quick] = [new Copier(pace, 1), new Copier(pace, 2)];
  for (const copier of [slow, quick]) copier.roomOpened();
  run(10_000);
  expect(slow.sizeBytes).toBeLessThan(50_000 * 10.5 + pieceBytes);
  expect(slow.sizeBytes).toBeGreaterThan(50_000 * 9);
  expect(quick.sizeBytes).toBeGreaterThan(8_500_000);
});

test("who goes away, or has nothing to ask for any more, is waited for by nobody", () => {
  const { pace, run } = worldOf(oneLimit(100_000));
  const [gone, done, left] = [1, 2, 3].map((id) => new Copier(pace, id)) as [
    Copier,
    Copier,
    Copier,
  ];
  for (const copier of [gone, done, left]) copier.roomOpened();
  pace.leave(gone);
  gone.isDone = true;
  done.isDone = true;
  run(10_000);
  expect(left.sizeBytes).toBeGreaterThan(900_000);
});

test("without a limit nothing waits, and a limit that goes frees who does", () => {
  const limits: CopyLimit[] = [{ key: "node", bytesPerSecond: 16_384 }];
  const { pace, run } = worldOf(() => limits);
  const copy = { partition: 0, joinerId: 1, settings };
  const waiter = { calls: 0, roomOpened: () => void (waiter.calls += 1) };
  expect(pace.take(copy, 1_048_576, waiter)).toBe(16_384);
  expect(pace.take(copy, 1_048_576, waiter)).toBe(0);
  limits.length = 0;
  run(tickMs);
  expect(waiter.calls).toBe(1);
  expect(pace.take(copy, 1_048_576, waiter)).toBe(1_048_576);
});

test("what was counted too much or too little is made up for", () => {
  const { pace, run } = worldOf(oneLimit(100_000));
  const copy = { partition: 0, joinerId: 1, settings };
  const waiter = { calls: 0, roomOpened: () => void (waiter.calls += 1) };
  const taken = pace.take(copy, 1_048_576, waiter);
  // A batch is never divided: a megabyte was read.
  pace.giveBack(copy, taken - 1_000_000);
  expect(pace.take(copy, 1_048_576, waiter)).toBe(0);
  run(9_000);
  expect(waiter.calls).toBe(0);
  run(2_000);
  expect(waiter.calls).toBeGreaterThan(0);
});
