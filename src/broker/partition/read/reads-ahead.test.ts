import { assert, asyncProperty, array, nat, tuple } from "fast-check";
import { expect, test } from "vitest";
import { batchOf, committed, fromDisk, openWorld } from "../../../../test/support/log-directory.ts";
import { joinBytes } from "../../../base/bytes.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { ReadResult } from "../partition-log.ts";
import type { Partition } from "../partition.ts";
import type { Segment } from "../segment/segment.ts";
import { ReadBuffers } from "./read-buffers.ts";
import { type ReadAhead, ReadsAhead } from "./reads-ahead.ts";

const kibibyte = 1024;
const logPath = "orders-0/00000000000000000000.log";
const batchCount = 24;
const value = "v".repeat(40 * kibibyte);
const batchBytes = batchOf([value]).length;
/** Two batches fit. */
const sizeBytesMax = 2 * batchBytes + 1;

interface Read {
  readonly bytes: Uint8Array;
  /** The answer was there at once. */
  readonly isAtOnce: boolean;
}

async function fill(partition: Partition, count = batchCount): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    partition.append(batchOf([value]), { origin: "client" });
    await committed(partition, partition.end);
  }
}

async function read(partition: Partition, offset: number, most = sizeBytesMax): Promise<Read> {
  const options = { sizeBytesMax: most, wholeFirst: true, upTo: partition.committed };
  const reading = partition.read(offset, options);
  const result: ReadResult = await reading;
  const bytes = joinBytes(result.chunks).slice();
  result.lease?.release();
  await settled();
  return { bytes, isAtOnce: !(reading instanceof Promise) };
}

/** Reads of a simulated disk that were begun are over. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

async function slowDisk(): Promise<{ disk: SimulatedDisk; partition: Partition }> {
  const disk = new SimulatedDisk();
  // As a real one: no read is over in the turn that it was begun.
  disk.fault = (operation) => (operation === "read" ? Promise.resolve() : undefined);
  const partition = await (await openWorld(disk, { settings: fromDisk })).open();
  await fill(partition);
  return { disk, partition };
}

test("who goes on from the disk finds the next bytes read", async () => {
  const { partition } = await slowDisk();
  const waits: boolean[] = [];
  for (let offset = 0; offset < batchCount; offset += 2) {
    waits.push(!(await read(partition, offset)).isAtOnce);
  }
  // The first two looked for their place, and showed that they go on.
  expect(waits).toEqual(waits.map((_, index) => index < 2));
});

test("any order of reads, sizes and appends gives what is stored", async () => {
  const step = tuple(nat(batchCount - 1), nat(4), nat(3));
  await assert(
    asyncProperty(array(step, { maxLength: 12 }), async (steps) => {
      const { disk, partition } = await slowDisk();
      for (const [from, readCount, batchesMax] of steps) {
        let offset = from;
        for (let count = 0; count <= readCount && offset < partition.end; count += 1) {
          const { bytes } = await read(partition, offset, batchesMax * batchBytes);
          const at = offset * batchBytes;
          expect(bytes.length).toBeGreaterThan(0);
          expect(bytes).toEqual(disk.peek(logPath).subarray(at, at + bytes.length));
          offset += bytes.length / batchBytes;
        }
        await fill(partition, 1);
      }
    }),
    { numRuns: 20 },
  );
});

test("what was read ahead is checked: damage in it is told and not served", async () => {
  const { disk, partition } = await slowDisk();
  disk.spoil(logPath, 7 * batchBytes + 500, Uint8Array.of(1, 2, 3));
  for (const offset of [0, 2, 4]) await read(partition, offset);
  expect((await read(partition, 6)).bytes.length).toBe(batchBytes);
  await expect(read(partition, 7)).rejects.toThrow("is damaged");
  expect((await read(partition, 8)).bytes.length).toBe(2 * batchBytes);
});

test("a read ahead that fails is made again when its bytes are asked for", async () => {
  const { disk, partition } = await slowDisk();
  for (const offset of [0, 2]) await read(partition, offset);
  const { fault } = disk;
  let fails = 1;
  disk.fault = (operation, path) => {
    if (operation === "read" && fails-- > 0) throw new Error("a bad moment");
    return fault(operation, path);
  };
  for (const offset of [4, 6, 8]) {
    expect((await read(partition, offset)).bytes.length).toBe(2 * batchBytes);
  }
});

test("what is held for readers is bounded, and goes when nobody came for it", async () => {
  const clock = new VirtualClock();
  const buffers = new ReadBuffers(1024 * kibibyte);
  const aheads = new ReadsAhead(600 * kibibyte, buffers, clock);
  const file = { read: (_: number, __: number, target: Uint8Array) => target };
  const log = { use: (action: (from: typeof file) => Uint8Array) => action(file) };
  const segment = { sizeBytes: 10_000 * kibibyte, log } as unknown as Segment;
  const begin = (): ReadAhead | undefined => aheads.begin(segment, 0, 200 * kibibyte);
  const first = begin();
  expect(begin()).toBeDefined();
  expect(begin()).toBeUndefined();
  await settled();
  expect(await first?.take()).toBeDefined();
  expect(begin()).toBeDefined();
  expect(begin()).toBeUndefined();
  await clock.advance(1_000);
  expect(aheads.begin(segment, 0, 100 * kibibyte)).toBeDefined();
  expect(aheads.bytes).toBeLessThanOrEqual(600 * kibibyte);
  expect(buffers.idleBytes).toBeGreaterThan(0);
});
