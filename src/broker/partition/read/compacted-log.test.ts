import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { openWorld, readBytes } from "../../../../test/support/log-directory.ts";
import { fromHex, loadVectors, toHex } from "../../../../test/vectors/vector.ts";
import { encodeUtf8 } from "../../../base/text.ts";
import { BatchWalk } from "../../../log/batch-walk.ts";
import type { Partition } from "../partition.ts";

interface CompactionVector {
  readonly stages: readonly { readonly stage: string; readonly files: Record<string, string> }[];
}

const { stages } = loadVectors<CompactionVector>("compaction");
const states = stages.flatMap(({ stage, files }) =>
  [true, false].map((isClean) => ({ stage, files, isClean })),
);

async function openStage(files: Record<string, string>, isClean: boolean): Promise<Partition> {
  const disk = new SimulatedDisk();
  if (isClean) disk.poke(".kafka_cleanshutdown", encodeUtf8("{}"));
  await disk.makeDirectory("orders-0");
  for (const [name, hex] of Object.entries(files)) disk.poke(`orders-0/${name}`, fromHex(hex));
  return (await openWorld(disk)).open("orders", { "cleanup.policy": ["compact"] });
}

describe("a log that Kafka's cleaner left gaps in", () => {
  test.each(states)("$stage (clean: $isClean) reads whole", async ({ files, isClean }) => {
    const partition = await openStage(files, isClean);
    const logs = Object.keys(files).filter((name) => name.endsWith(".log"));
    const stored = logs.map((name) => files[name]).join("");
    expect(toHex(await readBytes(partition, partition.logStart))).toBe(stored);
  });

  test.each(states)("$stage (clean: $isClean) reads from any offset", async (state) => {
    const partition = await openStage(state.files, state.isClean);
    for (let offset = partition.logStart; offset < partition.end; offset += 1) {
      const limits = { sizeBytesMax: 1, wholeFirst: true, upTo: partition.end };
      const { chunks } = await partition.read(offset, limits);
      const walk = new BatchWalk(chunks[0] ?? new Uint8Array(0), 0, 0);
      expect([offset, walk.look()]).toEqual([offset, "batch"]);
      expect(walk.lastOffset).toBeGreaterThanOrEqual(offset);
    }
  });
});
