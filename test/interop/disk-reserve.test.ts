import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { ConfigResourceTypes, Kafka, logLevel } from "kafkajs";
import { expect, test } from "vitest";
import { kafkaCode } from "../../src/base/errors.ts";
import type { BrokerProcess } from "../support/broker-process.ts";
import { batchOf, RawClient } from "../support/raw-client.ts";
import { describeWith } from "../support/skips.ts";
import { SmallDisk } from "../support/small-disk.ts";
import { waitUntil } from "../support/wait-until.ts";
import { startXylem } from "../support/xylem-process.ts";

const log = ["log", 0] as const;
const settings = { "log.disk.reserve.bytes": "2097152", "log.disk.check.interval.ms": "100" };

/** A node with records in two topics, on a disk of its own. */
async function withNode(
  limits: { size: string; inodes?: number },
  run: (node: { disk: SmallDisk; broker: BrokerProcess; client: RawClient }) => Promise<void>,
): Promise<void> {
  const disk = new SmallDisk(limits);
  const broker = await startXylem({ dataFolder: join(disk.root, "data"), settings });
  const client = await RawClient.open(broker.port);
  try {
    for (const name of ["log", "other"]) await client.createTopic(name);
    for (let index = 0; index < 5; index += 1) await client.produce(log, batchOf(["some"]));
    await client.produce(["other", 0], batchOf(["some"]));
    await run({ disk, broker, client });
  } finally {
    client.close();
    await broker.stop();
    disk.remove();
  }
}

async function setRetention({ bootstrap }: BrokerProcess, value: string): Promise<void> {
  const brokers = [bootstrap];
  const kafka = new Kafka({ brokers, retry: { retries: 0 }, logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const configEntries = [{ name: "retention.ms", value }];
  const resource = { type: ConfigResourceTypes.TOPIC, name: "log", configEntries };
  try {
    await admin.alterConfigs({ validateOnly: false, resources: [resource] });
  } finally {
    await admin.disconnect();
  }
}

describeWith(["tmpfs"], "with a reserve, on a disk that other programs filled", () => {
  test("settings, deletions and a stop in order work, and all is there after it", async () => {
    await withNode({ size: "8m" }, async ({ disk, broker, client }) => {
      const reserve = join(broker.dataFolder, "xylem-reserve");
      const { size, blocks } = statSync(reserve);
      expect([size, blocks * 512]).toEqual([524_288, 524_288]);
      disk.fill();
      const full = kafkaCode("DISK_FULL");
      await waitUntil("the node sees it", async () => {
        return (await client.produce(log, batchOf(["more"]))).errorCode === full;
      });
      const end = await client.produce(log, batchOf(["no more"]));
      expect(end.errorCode).toBe(full);
      await setRetention(broker, "86400000");
      expect(await client.deleteRecords(log, 3)).toEqual({ errorCode: 0, lowWatermark: 3 });
      expect(await client.deleteTopic("other")).toBe(0);
      expect(existsSync(reserve)).toBe(false);
      expect(await broker.terminate()).toBe(0);
      expect(existsSync(join(broker.dataFolder, ".kafka_cleanshutdown"))).toBe(true);
      await broker.restart();
      const again = await RawClient.open(broker.port);
      expect((await again.fetch(log, 3)).errorCode).toBe(0);
      expect((await again.fetch(log, 2)).errorCode).toBe(kafkaCode("OFFSET_OUT_OF_RANGE"));
      const gone = kafkaCode("UNKNOWN_TOPIC_OR_PARTITION");
      expect((await again.fetch(["other", 0], 0)).errorCode).toBe(gone);
      disk.free();
      await waitUntil("the reserve is there again", () => existsSync(reserve));
      await waitUntil("appends are taken again", async () => {
        return (await again.produce(log, batchOf(["later"]))).errorCode === 0;
      });
      again.close();
    });
  });

  test("where no inode is left, it has one: files are replaced, and settings change", async () => {
    await withNode({ size: "32m", inodes: 60 }, async ({ disk, broker, client }) => {
      expect((await client.deleteRecords(log, 1)).errorCode).toBe(0);
      disk.takeInodes();
      await setRetention(broker, "86400000");
      expect(await client.deleteRecords(log, 3)).toEqual({ errorCode: 0, lowWatermark: 3 });
      expect(await client.deleteTopic("other")).toBe(0);
      await broker.kill();
      await broker.restart();
      const again = await RawClient.open(broker.port);
      expect((await again.fetch(log, 3)).errorCode).toBe(0);
      again.close();
    });
  });

  test("where no inode is left, a killed node starts again, and reads go on", async () => {
    await withNode({ size: "32m", inodes: 60 }, async ({ disk, broker }) => {
      await broker.kill();
      disk.takeInodes();
      await broker.restart();
      const again = await RawClient.open(broker.port);
      expect((await again.fetch(log, 0)).errorCode).toBe(0);
      again.close();
    });
  });
});
