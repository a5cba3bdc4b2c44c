import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { append, batchOf, openWorld } from "../../../../test/support/log-directory.ts";
import { fromHex, loadVectors } from "../../../../test/vectors/vector.ts";
import { joinBytes } from "../../../base/bytes.ts";
import { encodeUtf8 } from "../../../base/text.ts";
import type { NodeSettings } from "../../../base/settings/node-settings.ts";
import type { Partition } from "../partition.ts";

const batchBytes = batchOf(["value 0"]).length;
/** Two batches to a segment. */
const segmented = { "internal.segment.bytes": 2 * batchBytes };
const offsets = [0, 1, 2, 3, 4, 5];

/** Six batches in three segments, of which a kill left some bad, with nothing checkpointed. */
async function reopenWith(
  bad: readonly number[],
  settings: Partial<NodeSettings> = {},
): Promise<Partition> {
  const disk = new SimulatedDisk();
  const partition = await (await openWorld(disk)).open("orders", segmented);
  for (const offset of offsets) await append(partition, [`value ${offset}`]);
  const left = disk.afterKill();
  left.poke("recovery-point-offset-checkpoint", encodeUtf8("0\n1\norders 0 0\n"));
  for (const offset of bad) {
    const base = offset - (offset % 2);
    const path = `orders-0/${String(base).padStart(20, "0")}.log`;
    const bytes = left.peek(path).slice();
    const at = (offset - base + 1) * batchBytes - 1;
    bytes[at] = (bytes[at] as number) ^ 1;
    left.poke(path, bytes);
  }
  return (await openWorld(left, { settings })).open("orders", segmented);
}

async function readable(partition: Partition): Promise<readonly number[]> {
  const found: number[] = [];
  for (const offset of offsets.filter((at) => at < partition.end)) {
    try {
      await partition.read(offset, { sizeBytesMax: 1, wholeFirst: true, upTo: partition.end });
      found.push(offset);
    } catch (error) {
      if ((error as { code: string }).code !== "CORRUPT_MESSAGE") throw error;
    }
  }
  return found;
}

describe("a bad batch at the end of a segment", () => {
  test.each([
    { bad: [1], where: "the first batch of the next segment" },
    { bad: [1, 2], where: "a later batch of the next segment" },
    { bad: [1, 2, 3], where: "the segment after the next" },
    { bad: [1, 2, 3, 4], where: "a later batch of the segment after the next" },
  ])("is damage when $where is good: nothing is cut", async ({ bad }) => {
    const partition = await reopenWith(bad);
    expect(partition.end).toBe(6);
    expect(await readable(partition)).toEqual(offsets.filter((at) => !bad.includes(at)));
  });

  test("is cut when no batch after it is good", async () => {
    const partition = await reopenWith([1, 2, 3, 4, 5]);
    expect(partition.end).toBe(1);
    expect(await readable(partition)).toEqual([0]);
  });

  test("is cut when the good ones lie further than one flush reaches", async () => {
    const windowBytes = 2 * batchBytes;
    const partition = await reopenWith([1, 2, 3], { "log.flush.window.bytes": windowBytes });
    expect(partition.end).toBe(1);
  });
});

/** A start on a log of a compacted topic that ends within a write, none of it checkpointed. */
async function reopenTorn(
  batches: readonly Uint8Array[],
  settings: Partial<NodeSettings> = {},
): Promise<Partition> {
  const disk = new SimulatedDisk();
  const compacted = { "cleanup.policy": ["compact"] } as const;
  await append(await (await openWorld(disk)).open("orders", compacted), ["any"], { key: "any" });
  const left = disk.afterKill();
  left.poke("recovery-point-offset-checkpoint", encodeUtf8("0\n1\norders 0 0\n"));
  left.poke(`orders-0/${"0".repeat(20)}.log`, joinBytes(batches));
  return (await openWorld(left, { settings })).open("orders", compacted);
}

describe("batches behind gaps before a torn tail", () => {
  const gapped = [0, 2, 4, 6].map((baseOffset) => batchOf(["v"], { baseOffset, key: "k" }));
  const sizeBytes = gapped[1]?.length ?? 0;
  const torn = batchOf(["v"], { baseOffset: 8, key: "k" }).subarray(0, -1);

  test("go with it, as far as one flush reaches", async () => {
    expect((await reopenTorn([...gapped, torn])).end).toBe(1);
    const within = { "log.flush.window.bytes": 3 * sizeBytes };
    expect((await reopenTorn([...gapped, torn], within)).end).toBe(1);
  });

  test("stay where they lie further back than that", async () => {
    const beyond = { "log.flush.window.bytes": 3 * sizeBytes - 1 };
    expect((await reopenTorn([...gapped, torn], beyond)).end).toBe(7);
  });

  const vectors = loadVectors<{ id: string; hex: string }[]>("legacy-message-sets");
  test.each(vectors)("$id is none, whatever its offset says", async ({ hex }) => {
    const next = batchOf(["v"], { baseOffset: 3, key: "k" }).subarray(0, -1);
    expect((await reopenTorn([fromHex(hex), next])).end).toBe(3);
  });
});
