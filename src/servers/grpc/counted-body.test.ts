import fc from "fast-check";
import { expect, test } from "vitest";
import { CallMemory, CallShare } from "./call-memory.ts";
import { countedBody } from "./counted-body.ts";

const unary = { method: { methodKind: "unary" } } as never;
const stream = { method: { methodKind: "bidi_streaming" } } as never;

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    if (at >= bytes.length) return;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

function envelopes(lengths: readonly number[]): Uint8Array {
  const parts = lengths.map((length) => {
    const part = Buffer.alloc(5 + length, 7);
    part.writeUInt8(0, 0);
    part.writeUInt32BE(length, 1);
    return part;
  });
  return Buffer.concat(parts);
}

test("the bytes of a single message count until the call is over", async () => {
  const memory = new CallMemory(() => 1_000);
  const share = new CallShare(memory);
  const body = countedBody(chunksOf(new Uint8Array(300), [100, 100]), unary, share);
  const seen: number[] = [];
  for await (const chunk of body) seen.push(chunk.length + memory.bytes * 1_000);
  expect(seen).toEqual([100_100, 200_100, 300_100]);
  share.release();
  share.release();
  expect(memory.bytes).toBe(0);
});

test("past the memory of calls a body is refused", async () => {
  const memory = new CallMemory(() => 250);
  const share = new CallShare(memory);
  const body = countedBody(chunksOf(new Uint8Array(300), [100, 100]), unary, share);
  const reading = (async () => {
    for await (const chunk of body) expect(chunk).toHaveLength(100);
  })();
  await expect(reading).rejects.toThrow("grpc.memory.max.bytes");
  share.release();
  expect(memory.bytes).toBe(0);
});

test("of a stream only the message that is gathered counts, however it is cut up", async () => {
  const lengths = fc.array(fc.nat(50), { minLength: 1, maxLength: 20 });
  const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(lengths, sizes, async (messages, cuts) => {
      const bytes = envelopes(messages);
      const memory = new CallMemory(() => 1_000_000);
      const share = new CallShare(memory);
      const body = countedBody(chunksOf(bytes, cuts), stream, share);
      const ends = messages.map((_, index) => envelopes(messages.slice(0, index + 1)).length);
      let passed = 0;
      for await (const chunk of body) {
        const before = ends.findLast((end) => end <= passed) ?? 0;
        passed += chunk.length;
        // At most what has come of the message since the chunk in which the last one ended.
        expect(memory.bytes).toBeLessThanOrEqual(passed - before + 60);
        expect(memory.bytes).toBeGreaterThanOrEqual(chunk.length);
      }
      share.release();
      expect([passed, memory.bytes]).toEqual([bytes.length, 0]);
    }),
  );
});
