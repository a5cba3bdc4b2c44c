import { expect, test } from "vitest";
import { MirrorPace } from "./mirror-pace.ts";

test("who waits for room goes on when some is given back, or at an end", async () => {
  const pace = new MirrorPace(Infinity, 100);
  pace.take(100);
  const stop = new AbortController();
  let passed = 0;
  const passing = [new AbortController().signal, stop.signal].map(async (signal) => {
    await pace.pass(signal);
    passed += 1;
  });
  stop.abort();
  await passing[1];
  expect(passed).toBe(1);
  pace.release(100);
  await passing[0];
  expect(passed).toBe(2);
});
