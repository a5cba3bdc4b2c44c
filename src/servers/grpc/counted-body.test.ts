import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../../base/virtual-clock.ts";
import { CallMemory, CallShare } from "./call-memory.ts";
import { countedBody } from "./counted-body.ts";

const unary = { method: { methodKind: "unary" } } as never;
const stream = { method: { methodKind: "bidi_streaming" } } as never;

let clock: VirtualClock;
let cuts: number[];

beforeEach(() => {
  clock = new VirtualClock();
  cuts = [];
});

const boundsOf = (share: CallShare) => ({
  share,
  clock,
  timeoutMs: 1_000,
  cutOff: () => void cuts.push(clock.monotonicMs()),
});

const bounds = () => boundsOf(new CallShare(new CallMemory(() => 1_000)));

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
  const body = countedBody(chunksOf(new Uint8Array(300), [100, 100]), unary, boundsOf(share));
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
  const body = countedBody(chunksOf(new Uint8Array(300), [100, 100]), unary, boundsOf(share));
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
      const body = countedBody(chunksOf(bytes, cuts), stream, boundsOf(share));
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

test("a stream holds nothing between its messages", async () => {
  const memory = new CallMemory(() => 1_000);
  const bytes = envelopes([10, 20]);
  const whileWaiting: number[] = [];
  async function* watched() {
    for await (const chunk of chunksOf(bytes, [15, 20, 5])) {
      whileWaiting.push(memory.bytes);
      yield chunk;
    }
    whileWaiting.push(memory.bytes);
  }
  await readAll(countedBody(watched(), stream, boundsOf(new CallShare(memory))));
  expect(whileWaiting).toEqual([0, 0, 20, 0]);
});

/** Chunks of which each comes after a while. */
async function* slowly(chunks: readonly Uint8Array[], pauseMs: number) {
  for (const chunk of chunks) {
    await clock.advance(pauseMs);
    yield chunk;
  }
}

async function readAll(chunks: AsyncIterable<Uint8Array>, workMs = 0): Promise<void> {
  for await (const chunk of chunks) {
    expect(chunk).toBeDefined();
    if (workMs > 0) await clock.advance(workMs);
  }
}

test("a message that is not whole in time is cut off, though each part comes soon", async () => {
  const chunks = Array.from({ length: 6 }, () => new Uint8Array(10));
  await readAll(countedBody(slowly(chunks, 150), unary, bounds()));
  expect(cuts).toEqual([]);
  await readAll(countedBody(slowly(chunks, 400), unary, bounds()));
  expect(cuts).not.toEqual([]);
});

test("a stream may be silent between messages, and not in the middle of one", async () => {
  const whole = [envelopes([10]), envelopes([10]), envelopes([10])];
  await readAll(countedBody(slowly(whole, 5_000), stream, bounds()));
  expect(cuts).toEqual([]);
  const bytes = envelopes([10]);
  const halves = [bytes.subarray(0, 7), bytes.subarray(7)];
  await readAll(countedBody(slowly(halves, 5_000), stream, bounds()));
  expect(cuts).not.toEqual([]);
});

test("the time in which the node itself does not read is not the client's", async () => {
  const bytes = envelopes([30]);
  const parts = [bytes.subarray(0, 10), bytes.subarray(10, 20), bytes.subarray(20)];
  await readAll(countedBody(slowly(parts, 10), stream, bounds()), 5_000);
  expect(cuts).toEqual([]);
});
