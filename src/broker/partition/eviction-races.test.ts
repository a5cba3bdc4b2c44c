import fc from "fast-check";
import { expect, test } from "vitest";
import { append, fromDisk, openWorld, readValues } from "../../../test/support/log-directory.ts";
import { XylemError } from "../../base/errors.ts";
import { joinBytes } from "../../base/bytes.ts";
import { BatchWalk } from "../../log/batch-walk.ts";
import { type Fault, SimulatedDisk } from "../../simulation/simulated-disk.ts";
import type { Partition } from "./partition.ts";

type Step =
  | { readonly kind: "append"; readonly count: number }
  | { readonly kind: "read"; readonly at: number }
  | { readonly kind: "evict"; readonly keep: number }
  | { readonly kind: "release" };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("append" as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant("read" as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ kind: fc.constant("evict" as const), keep: fc.integer({ min: 0, max: 6 }) }),
  fc.constant({ kind: "release" as const }),
);

/** Reads of the log wait until somebody lets them go on. */
class SlowReads {
  /** Files that were moved while one of their reads waited. */
  readonly moved: string[] = [];
  #waiting: { readonly path: string; readonly go: () => void }[] = [];

  readonly fault: Fault = (operation, path) => {
    if (!path.endsWith(".log")) return undefined;
    if (operation === "read") return new Promise((go) => this.#waiting.push({ path, go }));
    const isRead = this.#waiting.some((read) => read.path === path);
    if (isRead && (operation === "rename" || operation === "remove")) this.moved.push(path);
    return undefined;
  };

  release(): void {
    for (const { go } of this.#waiting.splice(0)) go();
  }
}

/** The offset that a read begins at when it is answered; -1: out of range by now. */
async function firstRead(partition: Partition, offset: number): Promise<number> {
  try {
    const limits = { sizeBytesMax: 1, wholeFirst: true, upTo: partition.committed };
    const { chunks } = await partition.read(offset, limits);
    const walk = new BatchWalk(joinBytes(chunks), 0, 0);
    return walk.look() === "batch" ? walk.baseOffset : offset;
  } catch (error) {
    if (error instanceof XylemError && error.code === "OFFSET_OUT_OF_RANGE") return -1;
    throw error;
  }
}

const settings = { "internal.segment.bytes": 150, "retention.ms": -1, "file.delete.delay.ms": 0 };

test("a read that was begun ends with its record, whatever is evicted meanwhile", async () => {
  const check = async (steps: readonly Step[]): Promise<void> => {
    const [disk, slow] = [new SimulatedDisk(), new SlowReads()];
    disk.fault = slow.fault;
    const world = await openWorld(disk, { settings: fromDisk });
    const partition = await world.open("orders", settings);
    const reads: { offset: number; first: Promise<number> }[] = [];
    const evictions: Promise<unknown>[] = [];
    for (const one of steps) {
      if (one.kind === "release") slow.release();
      else if (one.kind === "evict") {
        evictions.push(partition.deleteRecordsBefore(Math.max(0, partition.committed - one.keep)));
      } else if (one.kind === "append") {
        for (let at = 0; at < one.count; at += 1) await append(partition, [`${partition.end}`]);
      } else {
        const { logStart, committed } = partition;
        const offset = Math.floor(logStart + one.at * (committed - logStart));
        if (offset < committed) reads.push({ offset, first: firstRead(partition, offset) });
      }
    }
    const done = Promise.all([...reads.map(({ first }) => first), ...evictions]);
    const pump = setInterval(() => slow.release(), 0);
    await done;
    clearInterval(pump);
    disk.fault = () => undefined;
    expect(slow.moved).toEqual([]);
    for (const { offset, first } of reads) expect(await first).toBe(offset);
    expect(await readValues(partition, partition.logStart)).toEqual(
      Array.from({ length: partition.end - partition.logStart }, (_, at) =>
        String(partition.logStart + at),
      ),
    );
    await world.directory.close();
    expect(partition.stopped).toBeUndefined();
  };
  const steps = fc.array(step, { minLength: 4, maxLength: 30 });
  await fc.assert(fc.asyncProperty(steps, check), { numRuns: 60 });
});
