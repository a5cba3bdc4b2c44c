import { expect, test } from "vitest";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { AnswerTime } from "./answer-time.ts";

const mebibyte = 2 ** 20;

async function* chunksOf(...sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield new Uint8Array(size);
}

/** What a client that takes each chunk after `pauseMs` is cut off at. */
async function cutsOf(sizes: readonly number[], isStream: boolean, pauseMs: number) {
  const clock = new VirtualClock();
  const cuts: number[] = [];
  const cutOff = (): void => void cuts.push(clock.monotonicMs());
  const time = new AnswerTime({ clock, settings: { "live.slow.reader.ms": 1_000 }, cutOff });
  const startMs = clock.monotonicMs();
  for await (const chunk of time.pace(chunksOf(...sizes), { isStream, end: () => undefined })) {
    expect(chunk).toBeDefined();
    await clock.advance(pauseMs);
  }
  await clock.advance(900);
  time.end();
  await clock.advance(60_000);
  expect(clock.scheduledCount).toBe(0);
  return cuts.map((cutMs) => cutMs - startMs);
}

test("an answer that is not taken is cut off after a time for each MiB of it", async () => {
  expect(await cutsOf([10], false, 50)).toEqual([]);
  expect(await cutsOf([10], false, 5_000)).toEqual([1_000]);
  expect(await cutsOf([3 * mebibyte], false, 2_000)).toEqual([]);
  expect(await cutsOf([3 * mebibyte], false, 5_000)).toEqual([3_000]);
});

test("a single answer has its time until its end, a stream each message", async () => {
  expect(await cutsOf([10, 10], false, 600)).toEqual([1_000]);
  expect(await cutsOf([10, 10, 10], true, 600)).toEqual([]);
  expect(await cutsOf([10, 10, 10], true, 1_500)).toHaveLength(3);
});
