import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { joinBytes } from "../base/bytes.ts";
import { MalformedError } from "../base/errors.ts";
import { FrameAssembler } from "./frame.ts";

function framed(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(4 + body.length);
  new DataView(frame.buffer).setInt32(0, body.length);
  frame.set(body, 4);
  return frame;
}

test("however the stream is cut, the same frames come out", () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 });
  fc.assert(
    fc.property(
      bodies,
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
      (all, cuts) => {
        const stream = joinBytes([...all.map(framed), new Uint8Array(0)]);
        const assembler = new FrameAssembler(1000);
        const frames: Uint8Array[] = [];
        for (let at = 0, cut = 0; at < stream.length; cut++) {
          const size = cuts[cut % cuts.length] as number;
          frames.push(...assembler.push(stream.subarray(at, at + size)));
          at += size;
        }
        expect(frames).toEqual(all);
        expect(assembler.pendingBytes).toBe(0);
      },
    ),
  );
});

test("a frame that lies whole in a chunk is a view of it", () => {
  const chunk = joinBytes([framed(Uint8Array.of(1, 2)), framed(Uint8Array.of(3))]);
  const frames = new FrameAssembler(10).push(chunk);
  expect(frames.map((frame) => frame.buffer === chunk.buffer)).toEqual([true, true]);
});

test("frames of several buffer sizes come out whole", () => {
  for (const size of [65_535, 65_536, 65_537, 300_000, 1_500_000]) {
    const body = Uint8Array.from({ length: size }, (_, at) => at * 31);
    const stream = framed(body);
    const assembler = new FrameAssembler(2_000_000);
    const frames: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += 10_000) {
      frames.push(...assembler.push(stream.subarray(at, at + 10_000)));
    }
    expect(frames.length).toBe(1);
    expect(Buffer.compare(frames[0] as Uint8Array, body)).toBe(0);
  }
});

describe("hostile sizes", () => {
  test.each([
    ["negative", "ffffffff"],
    ["above the bound", "000003e9"],
  ])("a size that is %s is refused", (_, size) => {
    const assembler = new FrameAssembler(1000);
    expect(() => assembler.push(Buffer.from(size, "hex"))).toThrow(MalformedError);
  });

  test("the bound itself is allowed", () => {
    const assembler = new FrameAssembler(1000);
    expect(assembler.push(Buffer.from("000003e8", "hex"))).toEqual([]);
  });

  test("a frame that claims 100 MiB costs what has arrived, not what it claims", () => {
    const before = process.memoryUsage().arrayBuffers;
    const open = Array.from({ length: 50 }, () => {
      const assembler = new FrameAssembler(100 * 2 ** 20);
      assembler.push(Buffer.from("06400000ff", "hex"));
      return assembler;
    });
    expect(open.every((assembler) => assembler.pendingBytes === 5)).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10 * 2 ** 20);
  });
});
