import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { openWorld, readBytes, topicId, tools } from "../../../../test/support/log-directory.ts";
import { fromHex, loadVectors, toHex } from "../../../../test/vectors/vector.ts";
import { BatchWalk } from "../../../log/batch-walk.ts";
import { parsePartitionMetadata } from "../../../log/partition-metadata.ts";
import { readProducerSnapshot } from "../../../log/producer-snapshot.ts";
import { defaultTopicSettings } from "../../../base/settings/topic-settings.ts";
import type { Partition } from "../partition.ts";

interface DirectoryVector {
  readonly facts: {
    readonly leaderEpochs: [number, number][];
    readonly producers: { producerId: number; coordinatorEpoch: number }[];
  };
  readonly logDirectory: Record<string, string>;
  readonly partitionDirectory: { readonly name: string; readonly files: Record<string, string> };
  readonly openState: Record<string, string>;
}

const vector = loadVectors<DirectoryVector>("data-directory");
const { files } = vector.partitionDirectory;
const kafkaId = parsePartitionMetadata(
  Buffer.from(files["partition.metadata"] ?? "", "hex").toString(),
);
const settings = {
  ...defaultTopicSettings,
  "internal.segment.bytes": 1200,
  "index.interval.bytes": 200,
  "segment.index.bytes": 1024,
};
const logs = ["00000000000000000000.log", "00000000000000000014.log"];
const allBytes = logs.map((name) => files[name] ?? "").join("");

async function kafkaDisk(
  content: Record<string, string>,
  isClean: boolean,
): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  for (const [name, hex] of Object.entries(vector.logDirectory)) {
    if (isClean || name !== ".kafka_cleanshutdown") disk.poke(name, fromHex(hex));
  }
  await disk.makeDirectory("orders-0");
  for (const [name, hex] of Object.entries(content)) disk.poke(`orders-0/${name}`, fromHex(hex));
  return disk;
}

async function openKafka(disk: SimulatedDisk): Promise<Partition> {
  const world = await openWorld(disk);
  const topic = { name: "orders", id: kafkaId };
  return await world.directory.openPartition(topic, 0, settings);
}

describe("a data directory that Kafka wrote", () => {
  test("is found with its topic id, cluster and node", async () => {
    const world = await openWorld(await kafkaDisk(files, true));
    expect(world.directory.wasClean).toBe(true);
    expect(world.directory.meta.clusterId).toBe("MkU3OEVBNTcwNTJENDM2Qk");
    const found = world.directory.findPartitions();
    expect(found).toEqual([{ topic: "orders", index: 0 }]);
    expect(await world.directory.readTopicId({ topic: "orders", index: 0 })).toEqual(kafkaId);
  });

  test("opens after a clean stop with equal records, epochs and producers", async () => {
    const partition = await openKafka(await kafkaDisk(files, true));
    expect([partition.logStart, partition.end, partition.committed]).toEqual([0, 16, 16]);
    expect(toHex(await readBytes(partition, 0))).toBe(allBytes);
    for (const [epoch, startOffset] of vector.facts.leaderEpochs) {
      expect(partition.epochAt(startOffset)).toBe(epoch);
    }
    expect(partition.leaderEpoch).toBe(4);
    const known = [...partition.producers()].map(({ producerId, coordinatorEpoch }) => [
      producerId,
      coordinatorEpoch,
    ]);
    const expected = vector.facts.producers.map((one) => [one.producerId, one.coordinatorEpoch]);
    expect(known).toEqual(expected);
  });

  test.each([true, false])("opens as it lay while Kafka ran (marker: %s)", async (isClean) => {
    const partition = await openKafka(await kafkaDisk(vector.openState, isClean));
    expect(partition.end).toBe(16);
    expect(toHex(await readBytes(partition, 0))).toBe(allBytes);
  });

  test("without its recovery point and indexes it is rebuilt to the same files", async () => {
    const kept = Object.fromEntries(
      Object.entries(files).filter(([name]) => !name.endsWith("index")),
    );
    const disk = await kafkaDisk(kept, false);
    disk.poke("recovery-point-offset-checkpoint", new Uint8Array(0));
    const world = await openWorld(disk);
    const topic = { name: "orders", id: kafkaId };
    const partition = await world.directory.openPartition(topic, 0, settings);
    expect(partition.end).toBe(16);
    await world.directory.close();
    for (const name of Object.keys(files)) {
      if (!/\d\.(log|index|timeindex|txnindex)$/.test(name)) continue;
      expect([name, toHex(disk.peek(`orders-0/${name}`))]).toEqual([name, files[name]]);
    }
  });

  test("the same appends give the same log, index and time index files", async () => {
    const disk = new SimulatedDisk();
    const world = await openWorld(disk);
    const partition = await world.directory.openPartition(
      { name: "orders", id: topicId },
      0,
      settings,
    );
    for (const batch of sentBatches()) {
      const { lastOffset } = partition.append(batch, { origin: "coordinator" });
      await new Promise<void>((resolve) => {
        partition.whenCommitted(lastOffset + 1, () => resolve());
      });
    }
    await world.directory.close();
    for (const name of Object.keys(files)) {
      if (!/\d\.(log|index|timeindex|txnindex)$/.test(name)) continue;
      const written = toHex(disk.peek(`orders-0/${name}`));
      const expected = name.endsWith(".log") ? toHex(atEpochZero(files[name] ?? "")) : files[name];
      expect([name, written]).toEqual([name, expected]);
    }
    const snapshot = (name: string, bytes: Uint8Array): [string, unknown[]] => [
      name,
      readProducerSnapshot(bytes, tools.crc32c, 0)
        .map((producer) => ({ ...producer, batches: producer.batches.slice(-1) }))
        .sort((one, other) => one.producerId - other.producerId),
    ];
    for (const name of ["00000000000000000014.snapshot", "00000000000000000016.snapshot"]) {
      const written = snapshot(name, disk.peek(`orders-0/${name}`));
      expect(written).toEqual(snapshot(name, fromHex(files[name] ?? "")));
    }
  });
});

/** The vector's batches as they were before the broker gave them offset and epoch. */
function* sentBatches(): Generator<Uint8Array> {
  const bytes = fromHex(allBytes);
  const walk = new BatchWalk(bytes, 0, 0);
  for (; walk.look() === "batch"; walk.advance()) {
    const batch = walk.batch.bytes.slice();
    batch.fill(0, 0, 8);
    yield batch;
  }
}

function atEpochZero(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  const walk = new BatchWalk(bytes, 0, 0);
  for (; walk.look() === "batch"; walk.advance()) {
    bytes.fill(0, walk.position + 12, walk.position + 16);
  }
  return bytes;
}
