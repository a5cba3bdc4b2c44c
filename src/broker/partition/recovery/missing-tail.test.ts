import { describe, expect, test } from "vitest";
import {
  append,
  fromDisk,
  openWorld,
  readValues,
  topicId,
} from "../../../../test/support/log-directory.ts";
import type { XylemError } from "../../../base/errors.ts";
import { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { Partition } from "../partition.ts";

const path = `orders-0/${"0".repeat(20)}.log`;

async function open(disk: SimulatedDisk, policy = "delete") {
  const world = await openWorld(disk, { settings: fromDisk });
  const log = await world.open("orders", { "cleanup.policy": [policy as "delete"] });
  return { world, log, stop: () => world.directory.close() };
}

/** Ten flushed records, of which the disk, against its word, kept a part of the file. */
async function loseTail(policy: string, part: number): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  const { world, log } = await open(disk, policy);
  for (let at = 0; at < 10; at += 1) await append(log, [`v${at}`], { key: `k${at}` });
  await world.directory.checkpoint();
  const bytes = disk.peek(path);
  const left = disk.afterKill();
  left.poke(path, bytes.slice(0, Math.floor(bytes.length * part)));
  return left;
}

describe.each(["delete", "compact"])(
  "cleanup.policy=%s: a log whose flushed end is gone",
  (policy) => {
    test.each([
      ["at a batch's end", 0.5, undefined],
      ["within a batch", 0.55, "CORRUPT_MESSAGE"],
      ["all of it", 0, undefined],
    ])("keeps what is appended behind it: %s", async (_, part, gap) => {
      for (const ends of ["kill", "stop"]) {
        let disk = await loseTail(policy, part);
        const appended: string[] = [];
        for (let life = 0; life < 4; life += 1) {
          const { log, stop } = await open(disk, policy);
          expect(await readValues(log, 10)).toEqual(appended);
          expect(await append(log, [`after ${life}`], { key: `a${life}` })).toBe(10 + life);
          appended.push(`after ${life}`);
          if (ends === "stop") await stop();
          else disk = disk.afterKill();
        }
        const { log } = await open(disk, policy);
        expect(await readValues(log, 10)).toEqual(appended);
        // A compacted log may have gaps: what is gone is told by the first start only.
        expect(await refusalAt(log, 5)).toBe(policy === "delete" ? "CORRUPT_MESSAGE" : gap);
      }
    });
  },
);

test("where its last file is gone, the one before stays as it is: a fork may have it", async () => {
  const disk = new SimulatedDisk();
  const { world, log } = await open(disk);
  for (let at = 0; at < 5; at += 1) await append(log, [`v${at}`]);
  await log.roll();
  for (let at = 5; at < 8; at += 1) await append(log, [`v${at}`]);
  const fork = { name: "fork", id: new Uint8Array(16).fill(9), isDense: true };
  const topic = { name: "orders", id: topicId };
  await world.directory.forkPartition(topic, 0, fork, () => Promise.resolve(6));
  await world.directory.checkpoint();
  const left = disk.afterKill();
  left.drop(`orders-0/${"5".padStart(20, "0")}.log`);
  const shared = `fork-0/${"0".repeat(20)}.log`;
  const before = left.peek(shared).slice();
  const again = await open(left);
  expect(await append(again.log, ["after"])).toBe(8);
  expect(left.peek(shared)).toEqual(before);
});

async function refusalAt(log: Partition, offset: number): Promise<string | undefined> {
  try {
    await log.read(offset, { sizeBytesMax: 1, wholeFirst: true, upTo: log.end });
    return undefined;
  } catch (error) {
    return (error as XylemError).code;
  }
}
