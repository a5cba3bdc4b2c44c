import { describe, expect, test } from "vitest";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import { append, batchOf, openWorld, readValues } from "../../../../test/support/log-directory.ts";
import type { Partition } from "../partition.ts";

const producer = (baseSequence: number, producerEpoch = 0) => ({
  producerId: 7,
  producerEpoch,
  baseSequence,
});

function send(partition: Partition, sequence: number, epoch = 0) {
  const batch = batchOf([`value ${sequence}`], producer(sequence, epoch));
  return partition.append(batch, { origin: "client" });
}

const codeOf = (code: string): Error => expect.objectContaining({ code }) as Error;

describe("an idempotent producer", () => {
  test("that repeats one of its last five batches is answered with the first offsets", async () => {
    const partition = await (await openWorld(new SimulatedDisk())).open();
    for (let sequence = 0; sequence < 6; sequence += 1) send(partition, sequence);
    expect(send(partition, 1)).toMatchObject({ baseOffset: 1, lastOffset: 1, isDuplicate: true });
    expect(send(partition, 5)).toMatchObject({ baseOffset: 5, isDuplicate: true });
    expect(() => send(partition, 0)).toThrow(codeOf("OUT_OF_ORDER_SEQUENCE_NUMBER"));
    expect(partition.end).toBe(6);
  });

  test("that skips a sequence or comes with an old epoch is refused", async () => {
    const partition = await (await openWorld(new SimulatedDisk())).open();
    send(partition, 5, 3);
    expect(() => send(partition, 7, 3)).toThrow(codeOf("OUT_OF_ORDER_SEQUENCE_NUMBER"));
    expect(() => send(partition, 6, 2)).toThrow(codeOf("INVALID_PRODUCER_EPOCH"));
    expect(() => send(partition, 1, 4)).toThrow(codeOf("OUT_OF_ORDER_SEQUENCE_NUMBER"));
    expect(send(partition, 0, 4).isDuplicate).toBe(false);
  });

  test("goes on after a restart, clean or not, and its repeats are still found", async () => {
    for (const isClean of [true, false]) {
      const disk = new SimulatedDisk();
      const first = await openWorld(disk);
      const settings = { "internal.segment.bytes": 250 };
      const before = await first.open("orders", settings);
      for (let sequence = 0; sequence < 7; sequence += 1) {
        await append(before, [`value ${sequence}`], producer(sequence));
      }
      if (isClean) await first.directory.close();
      const partition = await (await openWorld(disk)).open("orders", settings);
      expect(send(partition, 6)).toMatchObject({ baseOffset: 6, isDuplicate: true });
      expect(send(partition, 2)).toMatchObject({ baseOffset: 2, isDuplicate: true });
      expect(await append(partition, ["value 7"], producer(7))).toBe(7);
      expect((await readValues(partition)).length).toBe(8);
    }
  });

  test("whose snapshot follows each batch may repeat what was not answered", async () => {
    const disk = new SimulatedDisk();
    const before = await (await openWorld(disk)).open("orders", { "segment.records": 1 });
    for (let sequence = 0; sequence < 7; sequence += 1) {
      await append(before, [`value ${sequence}`], producer(sequence));
      await append(before, ["other"], { ...producer(sequence), producerId: 8 });
    }
    const partition = await (await openWorld(disk.afterKill())).open();
    for (const sequence of [2, 3, 4, 5, 6]) {
      const again = { baseOffset: 2 * sequence, isDuplicate: true };
      expect(send(partition, sequence)).toMatchObject(again);
    }
    expect(() => send(partition, 1)).toThrow(codeOf("OUT_OF_ORDER_SEQUENCE_NUMBER"));
    expect(send(partition, 7)).toMatchObject({ baseOffset: 14, isDuplicate: false });
  });

  test("is not told that a batch is stored which a crash left unreadable", async () => {
    const disk = new SimulatedDisk();
    const before = await (await openWorld(disk)).open();
    const ends: number[] = [];
    for (let sequence = 0; sequence < 3; sequence += 1) {
      await append(before, [`value ${sequence}`], producer(sequence));
      ends.push(before.sizeBytes);
    }
    const left = disk.afterKill();
    left.spoil("orders-0/00000000000000000000.log", (ends[1] as number) - 3, Uint8Array.of(0));
    const partition = await (await openWorld(left)).open();
    expect(send(partition, 2)).toMatchObject({ baseOffset: 2, isDuplicate: true });
    expect(() => send(partition, 1)).toThrow(codeOf("OUT_OF_ORDER_SEQUENCE_NUMBER"));
  });

  test("is forgotten after a day of silence and may then start anywhere", async () => {
    const world = await openWorld(new SimulatedDisk());
    const partition = await world.open();
    await append(partition, ["a"], producer(0));
    await world.clock.advance(86_400_000);
    await partition.applyRetention(world.clock.nowMs());
    expect([...partition.producers()]).toEqual([]);
    expect(send(partition, 41).isDuplicate).toBe(false);
  });

  test("beyond the bound of remembered producers pushes out the one silent longest", async () => {
    const settings = { "producers.max.per.partition": 3 };
    const partition = await (await openWorld(new SimulatedDisk(), { settings })).open();
    for (const producerId of [1, 2, 3, 1, 4]) {
      const baseSequence = partition.end;
      const batch = batchOf(["v"], { producerId, producerEpoch: partition.end, baseSequence: 0 });
      expect(baseSequence).toBe(partition.append(batch, { origin: "client" }).baseOffset);
    }
    expect([...partition.producers()].map(({ producerId }) => producerId)).toEqual([3, 1, 4]);
  });
});
