import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../src/base/text.ts";
import { VirtualClock } from "../../src/base/virtual-clock.ts";
import { BatchWalk } from "../../src/log/batch-walk.ts";
import { decodeRecords } from "../../src/protocol/record.ts";
import { SimulatedDisk } from "../../src/simulation/simulated-disk.ts";
import { openWorld, runPass, tools } from "../support/log-directory.ts";
import { fromHex, loadVectors, toHex } from "./vector.ts";

interface CompactionVector {
  readonly passes: readonly {
    readonly pass: number;
    readonly cleanerClock: number;
    readonly dirtyFrom: number;
    readonly upTo: number;
  }[];
  readonly stages: readonly { readonly files: Record<string, string> }[];
}

const { passes, stages } = loadVectors<CompactionVector>("compaction");
const firstBase = "00000000000000000000";

/** The files as they were when the pass began: what the stage before left, and one roll more. */
function filesBefore(pass: number): Record<string, string> {
  const before = stages[pass - 1]?.files ?? {};
  const after = stages[pass]?.files ?? {};
  return Object.fromEntries([
    ...Object.entries(before).filter(([name]) => name.startsWith(firstBase)),
    ...Object.entries({ ...before, ...after }).filter(
      ([name]) => !name.startsWith(firstBase) && name.endsWith(".log"),
    ),
  ]);
}

/** Offsets, attributes and records: what is left of a batch whose codec has many right outputs. */
function describeBatches(hex: string): unknown[] {
  const walk = new BatchWalk(fromHex(hex), 0, 0);
  const found: unknown[] = [];
  for (; walk.look() === "batch"; walk.advance()) {
    const { batch } = walk;
    const { attributes, baseTimestamp, lastOffset, baseSequence } = batch;
    expect(walk.isIntact(tools.crc32c)).toBe(true);
    const records = decodeRecords(batch, { ...tools, sizeBytesMax: 1_000_000 });
    const bytes = batch.isCompressed ? [] : toHex(batch.bytes);
    const maxTimestamp = batch.maxTimestamp;
    found.push({
      attributes,
      baseTimestamp,
      maxTimestamp,
      lastOffset,
      baseSequence,
      records,
      bytes,
    });
  }
  return found;
}

function describeFile(name: string, hex: string): unknown[] {
  return [name, name.endsWith(".log") ? describeBatches(hex) : hex];
}

describe("a pass of Kafka's cleaner", () => {
  test.each(passes)("$pass leaves the same files here", async (vector) => {
    const { pass, cleanerClock, dirtyFrom, upTo } = vector;
    const disk = new SimulatedDisk();
    await disk.makeDirectory("orders-0");
    for (const [name, hex] of Object.entries(filesBefore(pass))) {
      disk.poke(`orders-0/${name}`, fromHex(hex));
    }
    disk.poke("cleaner-offset-checkpoint", encodeUtf8(`0\n1\norders 0 ${dirtyFrom}\n`));
    const clock = new VirtualClock({ startMs: cleanerClock });
    const world = await openWorld(disk, { clock });
    const partition = await world.open("orders", {
      "cleanup.policy": ["compact"],
      "delete.retention.ms": 1000,
      "index.interval.bytes": 200,
      "min.cleanable.dirty.ratio": 0,
    });
    const report = await runPass(partition, clock);
    expect(report?.endOffset).toBe(upTo);
    const wanted = Object.entries(stages[pass]?.files ?? {}).filter(([name]) =>
      name.startsWith(firstBase),
    );
    const names = (await disk.list("orders-0")).map(({ name }) => name);
    const own = names.filter((name) => name.startsWith(firstBase) && !name.endsWith(".deleted"));
    expect(own.sort()).toEqual(wanted.map(([name]) => name).sort());
    for (const [name, hex] of wanted) {
      const made = toHex(disk.peek(`orders-0/${name}`));
      expect(describeFile(name, made)).toEqual(describeFile(name, hex));
    }
  });
});
