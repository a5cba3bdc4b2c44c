import { expect, test } from "vitest";
import {
  append,
  batchOf,
  committed,
  fromDisk,
  memoryDisk,
  openWorld,
  readBytes,
  readValues,
  runPass,
  topicId,
} from "../../../../test/support/log-directory.ts";
import {
  allCommitted,
  TransactionalProducer,
} from "../../../../test/support/transactional-producer.ts";
import { joinBytes } from "../../../base/bytes.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { copyPartition } from "./copy-partition.ts";

const settings = {
  "cleanup.policy": ["compact"],
  "segment.records": 4,
  "min.cleanable.dirty.ratio": 0,
} as const;
const count = 20;

/** A log whose closed segments are one by now, with gaps between the batches that are left. */
async function openCompacted() {
  const disk = memoryDisk();
  const world = await openWorld(disk);
  const partition = await world.open("orders", settings);
  for (let at = 0; at < count; at += 1) {
    const key = at % 5 === 2 ? `kept ${at}` : "again and again";
    await append(partition, [String(at)], { key });
  }
  await runPass(partition, world.clock);
  return { disk, world, partition };
}

test("a copy that ends inside a compacted segment keeps the batches behind gaps", async () => {
  for (let end = 1; end <= count; end += 1) {
    const { disk, world, partition } = await openCompacted();
    const expected = (await readValues(partition)).filter((value) => Number(value) < end);
    const source = partition.copySource(end);
    const copied = await copyPartition(source, { disk, folder: "copy-0", topicId });
    expect(copied.end).toBe(end);
    await world.directory.close();
    for (const round of ["at first", "after a stop"]) {
      const after = await openWorld(disk);
      const copy = await after.open("copy", settings);
      expect(await readValues(copy), `${round}, end ${end}`).toEqual(expected);
      expect(copy.end).toBe(end);
      expect(copy.copySource(0).segments.all.flatMap(({ damages }) => damages)).toEqual([]);
      await after.directory.close();
    }
    const after = await openWorld(disk);
    const copy = await after.open("copy", settings);
    expect(await append(copy, ["more"], { key: "more" })).toBe(end);
    expect(await readValues(copy)).toEqual([...expected, "more"]);
  }
});

test("a copy of a mirrored log keeps the batch behind a gap that it ends with", async () => {
  const bases = [0, 3, 4, 7, 8];
  for (const end of [4, 5, 8]) {
    const disk = memoryDisk();
    const world = await openWorld(disk);
    const partition = await world.open("orders", { "cleanup.policy": ["compact"] });
    const batches = bases.map((base) => batchOf([`${base}`], { baseOffset: base, key: "k" }));
    partition.append(joinBytes(batches), { origin: "mirror", expectedEnd: 0 });
    await committed(partition, 9);
    const source = partition.copySource(end);
    expect(await copyPartition(source, { disk, folder: "copy-0", topicId })).toMatchObject({ end });
    await world.directory.close();
    const copy = await (await openWorld(disk)).open("copy", settings);
    const expected = bases.filter((base) => base < end).map(String);
    expect([copy.end, await readValues(copy)]).toEqual([end, expected]);
    expect(copy.copySource(0).segments.all.flatMap(({ damages }) => damages)).toEqual([]);
  }
});

test("a copy that ends inside a closed segment knows its aborted transactions", async () => {
  const disk = memoryDisk();
  const roomy = { ...settings, "segment.records": 100 };
  const world = await openWorld(disk);
  const before = await world.open("orders", roomy);
  const producer = new TransactionalProducer(7);
  producer.send(before, ["aborted"], "key");
  producer.end(before, "abort");
  await allCommitted(before);
  // The stop leaves what is known of producers there, which spares the copy a walk over the log.
  const { end } = before;
  await world.directory.close();
  const second = await openWorld(disk);
  const partition = await second.open("orders", roomy);
  const expected = await partition.abortedTransactions(0, end);
  expect(expected).toHaveLength(1);
  await append(partition, ["later"], { key: "key" });
  producer.send(partition, ["aborted later"], "key");
  producer.end(partition, "abort");
  await allCommitted(partition);
  await partition.roll();
  await copyPartition(partition.copySource(end), { disk, folder: "copy-0", topicId });
  await second.directory.close();
  const first = await openWorld(disk, { settings: fromDisk });
  // Who reads all makes the offset index again, and that alone.
  expect((await readBytes(await first.open("copy", roomy), 0)).length).toBeGreaterThan(0);
  await first.directory.close();
  const again = await (await openWorld(disk)).open("copy", roomy);
  expect(again.end).toBe(end);
  expect(await again.abortedTransactions(0, end)).toEqual(expected);
});

test("a copy does without the producers' states that retention removes meanwhile", async () => {
  const disk = new SimulatedDisk();
  const world = await openWorld(disk);
  const partition = await world.open("orders", { ...settings, "file.delete.delay.ms": 0 });
  for (let at = 0; at < count; at += 1) {
    const idempotent = { producerId: 7, producerEpoch: 0, baseSequence: at };
    await append(partition, [String(at)], { key: String(at), ...idempotent });
  }
  let removing: Promise<number> | undefined;
  disk.fault = async (operation, path) => {
    if (operation !== "open" || !path.startsWith("copy-0/")) return;
    removing ??= partition.deleteRecordsBefore(9);
    await removing;
  };
  await copyPartition(partition.copySource(count - 1), { disk, folder: "copy-0", topicId });
  disk.fault = () => undefined;
  expect(await removing).toBe(9);
  const names = (await disk.list("copy-0")).map(({ name }) => name);
  expect(names.filter((name) => name.endsWith(".snapshot"))).toEqual([
    "00000000000000000008.snapshot",
    "00000000000000000012.snapshot",
    "00000000000000000016.snapshot",
  ]);
});
