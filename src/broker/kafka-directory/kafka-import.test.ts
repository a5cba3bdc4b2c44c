import { beforeEach, describe, expect, test } from "vitest";
import { memoryDisk, tools } from "../../../test/support/log-directory.ts";
import {
  configRecord,
  markRecord,
  metadataBatch,
  removeTopicRecord,
  topicRecords,
} from "../../../test/support/metadata-log.ts";
import { openTopicRig, type TopicRig } from "../../../test/support/topic-rig.ts";
import { formatUuid } from "../../base/uuid.ts";
import { ProducerIds } from "../producer-ids.ts";
import { topicsPrefix } from "../topics/topic-entry.ts";
import { KafkaImport } from "./kafka-import.ts";

const ordersId = "AAAAAAAAAAAAAAAAAAAAAQ";
const auditId = "AAAAAAAAAAAAAAAAAAAAAg";
const logFile = "__cluster_metadata-0/00000000000000000000.log";
const topicType = 2;
const brokerType = 4;
const groupType = 32;

let rig: TopicRig;
let disk: ReturnType<typeof memoryDisk>;
let values: Uint8Array[];

beforeEach(async () => {
  rig = await openTopicRig();
  disk = memoryDisk();
  values = [];
});

async function write(path: string, bytes: Uint8Array): Promise<void> {
  await disk.makeDirectory("__cluster_metadata-0");
  await disk.remove(path);
  const file = await disk.open(path, { create: true });
  await file.append([bytes]);
  await file.close();
}

/** What a start does after Kafka has added these records to its log. */
async function start(...added: Uint8Array[]): Promise<boolean> {
  values.push(...added);
  await write(logFile, metadataBatch(values));
  return startOver();
}

async function startOver(): Promise<boolean> {
  const { coordinator, configs, lines } = rig;
  const warn = (text: string): unknown => lines.push(text);
  const log = { debug: warn, info: warn, warn, error: warn };
  const begun = await KafkaImport.begin({ disk, coordinator, configs, log, ...tools });
  await begun?.finish(rig.topics);
  return begun !== undefined;
}

async function stored(): Promise<Record<string, unknown>> {
  const { entries } = await rig.coordinator.read(topicsPrefix);
  return Object.fromEntries(
    entries.map(({ key, value }) => [key.slice(topicsPrefix.length), JSON.parse(value)]),
  );
}

describe("topics and configs of Kafka's metadata", () => {
  test("are taken over once, with what is known of their configs", async () => {
    const isNews = await start(
      ...topicRecords("orders", ordersId, 3),
      configRecord(topicType, "orders", ["retention.ms", "1000"]),
      configRecord(topicType, "orders", ["retention.ms", "2000"]),
      configRecord(topicType, "orders", ["remote.storage.enable", "true"]),
      configRecord(topicType, "orders", ["some.other.thing", "1"]),
      configRecord(brokerType, "", ["message.max.bytes", "2000000"]),
      configRecord(brokerType, "1", ["log.cleaner.threads", "0"]),
      configRecord(groupType, "readers", ["consumer.session.timeout.ms", "46000"]),
    );
    expect(isNews).toBe(true);
    const configs = { "retention.ms": "2000" };
    expect(await stored()).toEqual({
      orders: { id: ordersId, partitions: 3, configs, dense: false },
    });
    expect(rig.configs.settings["message.max.bytes"]).toBe(2_000_000);
    expect(rig.configs.ofNode.size).toBe(0);
    expect(rig.configs.store.get("groups/readers").size).toBe(1);
    expect(rig.lines.filter((line) => line === "left a config of Kafka's out")).toHaveLength(3);
    expect(await startOver()).toBe(false);
  });

  test("count from the newest snapshot on, and from the log behind it", async () => {
    const name = "__cluster_metadata-0/00000000000000000002-0000000001.checkpoint";
    await write(name, metadataBatch(topicRecords("orders", ordersId)));
    const later = topicRecords("audit", auditId);
    await write(logFile, metadataBatch(topicRecords("old", auditId)));
    const second = logFile.replace("0.log", "2.log");
    await write(second, metadataBatch(later, 2));
    await startOver();
    expect(Object.keys(await stored())).toEqual(["audit", "orders"]);
  });

  test("within a mark that was aborted, or never ended, do not count", async () => {
    const [begin, end, abort] = [23, 24, 25].map(markRecord) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    await start(begin, ...topicRecords("kept", ordersId), end);
    await start(begin, ...topicRecords("audit", auditId), abort);
    await start(begin, ...topicRecords("audit", auditId));
    expect(Object.keys(await stored())).toEqual(["kept"]);
  });

  test("of other nodes are left out, unless there is a folder", async () => {
    await disk.makeDirectory("audit-0");
    const other = topicRecords("orders", ordersId, 1, 9);
    await start(...other, ...topicRecords("audit", auditId, 2, 9));
    expect(await stored()).toMatchObject({ audit: { partitions: 2 } });
    expect(Object.keys(await stored())).toEqual(["audit"]);
  });

  test("up to bytes that can not be read are taken over", async () => {
    const bytes = metadataBatch(topicRecords("orders", ordersId));
    const broken = metadataBatch(topicRecords("audit", auditId), 2);
    broken[70] = (broken[70] as number) ^ 1;
    await write(logFile, new Uint8Array([...bytes, ...broken]));
    await startOver();
    expect(Object.keys(await stored())).toEqual(["orders"]);
    expect(rig.lines).toContain("Kafka's metadata is read up to here");
    await write(logFile, metadataBatch([Uint8Array.of(9)]));
    await startOver();
    expect(rig.lines).toContain("Kafka's metadata holds a record that is not understood");
  });
});

describe("when Kafka has run again meanwhile", () => {
  beforeEach(async () => {
    await start(...topicRecords("orders", ordersId), ...topicRecords("audit", auditId));
    rig = await rig.restart();
  });

  test("what it changed is changed here, and what we changed stays", async () => {
    await rig.topics.configure("orders", () => new Map([["segment.ms", "5000"]]));
    await rig.topics.configure("audit", () => new Map([["retention.ms", "7"]]));
    const added = topicRecords("orders", ordersId, 2).slice(2);
    await start(...added, configRecord(topicType, "orders", ["retention.ms", "9"]));
    expect(await stored()).toMatchObject({
      orders: { partitions: 2, configs: { "segment.ms": "5000", "retention.ms": "9" } },
      audit: { partitions: 1, configs: { "retention.ms": "7" } },
    });
  });

  test("what it deleted goes, what it made again comes with its new id", async () => {
    const again = "AAAAAAAAAAAAAAAAAAAACQ";
    await start(removeTopicRecord(ordersId), removeTopicRecord(auditId));
    expect(await stored()).toEqual({});
    await start(...topicRecords("audit", again));
    expect(await stored()).toMatchObject({ audit: { id: again } });
  });

  test("what lies behind bytes that can not be read is not taken for deleted", async () => {
    const compacted = configRecord(topicType, "orders", ["cleanup.policy", "compact"]);
    await start(compacted, configRecord(brokerType, "", ["message.max.bytes", "2000000"]));
    const before = await stored();
    const bytes = metadataBatch([...values, ...topicRecords("news", "AAAAAAAAAAAAAAAAAAAADQ")]);
    bytes[70] = (bytes[70] as number) ^ 1;
    await write(logFile, bytes);
    await startOver();
    expect(await stored()).toEqual(before);
    const [orders] = [topicRecords("orders", ordersId, 2)];
    const notUnderstood = metadataBatch([Uint8Array.of(9)], orders.length);
    await write(logFile, new Uint8Array([...metadataBatch(orders), ...notUnderstood]));
    await startOver();
    expect(await stored()).toMatchObject({
      orders: { partitions: 2, configs: { "cleanup.policy": "compact" } },
      audit: { partitions: 1 },
    });
    expect(rig.configs.settings["message.max.bytes"]).toBe(2_000_000);
    await start(removeTopicRecord(auditId));
    expect(Object.keys(await stored())).toEqual(["orders"]);
  });

  test("a log whose beginning is in no snapshot says nothing of what is gone", async () => {
    await disk.remove(logFile);
    const late = logFile.replace("0.log", "9.log");
    await write(late, metadataBatch(topicRecords("news", "AAAAAAAAAAAAAAAAAAAADQ"), 9));
    await startOver();
    expect(Object.keys(await stored())).toEqual(["audit", "news", "orders"]);
  });

  test("what was deleted here does not come back, and our own topic of a name stays", async () => {
    await rig.topics.delete("orders");
    await rig.topics.delete("audit");
    const asked = { name: "audit", partitions: 1, replicas: 1, configs: new Map() };
    const own = formatUuid((await rig.topics.create(asked)).id);
    await start(...topicRecords("news", "AAAAAAAAAAAAAAAAAAAADQ"));
    expect(Object.keys(await stored())).toEqual(["audit", "news"]);
    expect(await stored()).toMatchObject({ audit: { id: own } });
  });

  test("producer ids of both never meet", async () => {
    expect(await new ProducerIds(rig.coordinator).next()).toBeGreaterThanOrEqual(2 ** 40);
  });
});
