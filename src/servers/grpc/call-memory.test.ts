import { expect, test } from "vitest";
import { CallMemory, CallShare } from "./call-memory.ts";

const never = new AbortController().signal;

test("what does not fit is refused, and fits again once others have let go", () => {
  const memory = new CallMemory(() => 100);
  memory.take(60);
  expect(() => memory.take(41)).toThrow("grpc.memory.max.bytes");
  memory.take(40);
  memory.release(60);
  memory.take(60);
  expect(memory.bytes).toBe(100);
});

test("who can wait gets it later, in turn as it comes free", async () => {
  const memory = new CallMemory(() => 100);
  memory.take(100);
  const got: number[] = [];
  const waiting = [30, 50].map((bytes) =>
    memory.takeLater(bytes, never).then(() => got.push(bytes)),
  );
  await Promise.resolve();
  expect(got).toEqual([]);
  memory.release(40);
  await waiting[0];
  expect(got).toEqual([30]);
  memory.release(60);
  await waiting[1];
  expect(memory.bytes).toBe(80);
});

test("more than there is at all is taken as all there is", async () => {
  const memory = new CallMemory(() => 100);
  expect(await memory.takeLater(1_000, never)).toBe(100);
  memory.release(100);
  expect(memory.bytes).toBe(0);
});

test("who is cancelled while he waits takes nothing", async () => {
  const memory = new CallMemory(() => 100);
  memory.take(100);
  const cancel = new AbortController();
  const waiting = memory.takeLater(10, cancel.signal);
  cancel.abort(new Error("cancelled"));
  await expect(waiting).rejects.toThrow("cancelled");
  memory.release(100);
  expect(memory.bytes).toBe(0);
});

test("a call that is over takes nothing any more", () => {
  const memory = new CallMemory(() => 100);
  const share = new CallShare(memory);
  share.take(60);
  share.end();
  share.take(60);
  expect(memory.bytes).toBe(0);
});
