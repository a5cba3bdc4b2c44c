import { Kafka, logLevel } from "kafkajs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { formatUuid, type Uuid } from "../../src/base/uuid.ts";
import { emptyBatches } from "../../src/cli/mirror/mirrored-batches.ts";
import type { BrokerProcess } from "../support/broker-process.ts";
import { Child } from "../support/child-process.ts";
import { batchOf, RawClient } from "../support/raw-client.ts";
import { waitUntil } from "../support/wait-until.ts";
import { xylem, xylemProgram } from "../support/xylem-command.ts";
import { startXylem } from "../support/xylem-process.ts";

let source: BrokerProcess;
let target: BrokerProcess;
let sender: RawClient;
let reader: RawClient;
const running: Child[] = [];

beforeEach(async () => {
  const quick = { "group.initial.rebalance.delay.ms": "0" };
  // The target keeps what was copied: it would compact by itself, within segments of its own.
  [source, target] = await Promise.all([
    startXylem({ settings: { ...quick, "log.cleaner.backoff.ms": "200" } }),
    startXylem({ settings: { ...quick, "log.cleaner.backoff.ms": "600000" } }),
  ]);
  sender = await RawClient.open(source.port);
  reader = await RawClient.open(target.port);
  // A connection that asks nothing for long is no client's.
  await reader.describeTopic("orders");
});

afterEach(async () => {
  for (const child of running.splice(0)) await child.end("SIGKILL");
  await Promise.all([source.stop(), target.stop()]);
});

function mirrorArgs(...more: string[]): string[] {
  const ends = ["--from", source.bootstrap, "--to", target.bootstrap, "--refresh", "200ms"];
  return ["mirror", ...ends, ...more];
}

/** A mirror that runs until it is ended. */
function startMirror(...more: string[]): Child {
  const child = new Child(process.execPath, [xylemProgram, ...mirrorArgs(...more)]);
  running.push(child);
  return child;
}

/** What a run to the end says it has done. */
async function mirrorAll(...more: string[]): Promise<Record<string, unknown>> {
  const run = await xylem(mirrorArgs("--until-caught-up", "--json", ...more));
  expect([run.code, run.stderr.replace(/^(topic|group \S+ has) .*\n/gm, "")]).toEqual([0, ""]);
  return JSON.parse(run.stdout) as Record<string, unknown>;
}

async function endAt(client: RawClient, topic: string, index = 0): Promise<number> {
  return Number((await client.listOffset([topic, index], -1)).offset);
}

type Shown = readonly [number, string | undefined, bigint | number];

/** Offset, value and time of each record. */
async function recordsAt(client: RawClient, topic: string, index = 0): Promise<Shown[]> {
  const start = Number((await client.listOffset([topic, index], -2)).offset);
  const records = await client.readAll([topic, index], start);
  return records.map(({ offset, value, timestampMs }) => {
    return [offset, value === null ? undefined : new TextDecoder().decode(value), timestampMs];
  });
}

async function send(topic: string, index: number, values: readonly string[]): Promise<void> {
  const { errorCode } = await sender.produce([topic, index], batchOf(values));
  expect(errorCode).toBe(0);
}

test("a killed mirror goes on where it was: nothing twice, nothing missing", async () => {
  await sender.createTopic("orders", {
    partitions: 2,
    configs: { "retention.ms": "7200000", "min.insync.replicas": "1" },
  });
  const large = "x".repeat(5_000);
  for (let at = 0; at < 300; at += 1) await send("orders", at % 2, [`${at} ${large}`, `${at}`]);
  const copied = async (): Promise<number> =>
    (await endAt(reader, "orders").catch(() => 0)) + (await endAt(reader, "orders", 1));
  let before = 0;
  for (let kill = 0; kill < 3; kill += 1) {
    const mirror = startMirror("--topics", "orders", "--rate", "800KiB", "--memory", "100KiB");
    await waitUntil(
      "it has copied more",
      async () => (await copied().catch(() => 0)) > before + 20,
    );
    await mirror.end("SIGKILL");
    before = await copied();
  }
  expect(before).toBeLessThan(600);
  // The source restarts in the middle of it.
  const mirror = startMirror("--all", "--rate", "1MiB");
  await waitUntil("it goes on", async () => (await copied()) > before);
  await source.kill();
  await source.restart();
  sender = await RawClient.open(source.port);
  await send("orders", 0, ["after the restart"]);
  await waitUntil("all is copied", async () => (await copied()) === 601);
  // The topic grows while it is followed.
  const grow = [{ name: "orders", count: 3, assignments: null }];
  const body = { topics: grow, timeoutMs: 10_000, validateOnly: false };
  await sender.connection.request("CreatePartitions", 3, body);
  await send("orders", 2, ["in a new partition"]);
  await waitUntil("it is there", async () => (await endAt(reader, "orders", 2)) === 1);
  expect(await mirror.end("SIGTERM")).toBe(0);
  for (const index of [0, 1, 2]) {
    expect(await recordsAt(reader, "orders", index)).toEqual(
      await recordsAt(sender, "orders", index),
    );
  }
  const configs = await xylem(["topic", "describe", "orders", "-b", target.bootstrap]);
  expect(configs.stdout).toContain("retention.ms=7200000");
});

test("offsets that were deleted or compacted are as at the source", async () => {
  const compact = { "cleanup.policy": "compact", "segment.records": "10" };
  await sender.createTopic("kept", { configs: { ...compact, "min.cleanable.dirty.ratio": "0" } });
  await sender.createTopic("cut");
  await sender.createTopic("emptied");
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  for (let at = 0; at < 100; at += 1) {
    const record = { key: encode(`key ${at % 7}`), value: encode(`value ${at}`) };
    await sender.produce(["kept", 0], batchOf([record]));
    await send("cut", 0, [`${at}`]);
    await send("emptied", 0, [`${at}`]);
  }
  await sender.deleteRecords(["cut", 0], 40);
  await sender.deleteRecords(["emptied", 0], 100);
  await sender.createTopic("divided");
  for (const from of [0, 3])
    await send(
      "divided",
      0,
      [0, 1, 2].map((at) => `${from + at}`),
    );
  await sender.deleteRecords(["divided", 0], 4);
  // The last record of each key in the closed segments, and the ten of the segment in use.
  await waitUntil(
    "the source has compacted all",
    async () => (await recordsAt(sender, "kept")).length === 17,
  );
  await mirrorAll("--all");
  for (const topic of ["kept", "cut", "emptied"]) {
    expect(await recordsAt(reader, topic)).toEqual(await recordsAt(sender, topic));
    expect(await endAt(reader, topic)).toBe(100);
  }
  expect(Number((await reader.listOffset(["cut", 0], -2)).offset)).toBe(40);
  expect(Number((await reader.listOffset(["emptied", 0], -2)).offset)).toBe(100);
  expect(Number((await reader.listOffset(["divided", 0], -2)).offset)).toBe(4);
  expect(await recordsAt(reader, "divided")).toEqual(await recordsAt(sender, "divided"));
  expect(await endAt(reader, "divided")).toBe(6);
  await target.terminate();
  expect((await xylem(["verify", "--data", target.dataFolder])).code).toBe(0);
});

test("a target that was filled up to within a batch of the source goes on there", async () => {
  await sender.createTopic("filled");
  await send("filled", 0, ["0", "1", "2", "3", "4"]);
  await sender.deleteRecords(["filled", 0], 3);
  await reader.createTopic("filled");
  const partitionData = [{ index: 0, records: emptyBatches(0, 3), mirroredFrom: 0 }];
  const body = { acks: -1, timeoutMs: 10_000, topicData: [{ name: "filled", partitionData }] };
  const { responses } = await reader.connection.request("Produce", 9, body);
  expect(responses[0]?.partitionResponses[0]?.errorCode).toBe(0);
  await markCopied("filled", 3);
  await mirrorAll("--topics", "filled");
  await send("filled", 0, ["5"]);
  await mirrorAll("--topics", "filled");
  expect(await recordsAt(reader, "filled")).toEqual(await recordsAt(sender, "filled"));
});

/** As a mirror notes that all of a topic below an offset is copied. */
async function markCopied(topic: string, committedOffset: number): Promise<void> {
  const body = { topics: [{ topicId: new Uint8Array(16), name: topic }] };
  const found = await sender.connection.request("Metadata", 12, body);
  const committedMetadata = `1 ${formatUuid(found.topics[0]?.topicId as Uuid)} ${committedOffset}`;
  const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata }];
  const groupId = `xylem-mirror-${found.clusterId}`;
  const committing = { groupId, memberId: "", topics: [{ name: topic, partitions }] };
  const answer = await reader.connection.request("OffsetCommit", 8, committing);
  expect(answer.topics[0]?.partitions[0]?.errorCode).toBe(0);
}

test("a group goes on at the target exactly where it was at the source", async () => {
  await sender.createTopic("jobs", { partitions: 2 });
  for (let at = 0; at < 40; at += 1) await send("jobs", at % 2, [`job ${at}`]);
  const first = await consume(source, 25);
  const outcome = await mirrorAll("--topics", "jobs", "--groups");
  expect(outcome).toMatchObject({ groups: 1, offsetsHeldBack: 0, stalls: [] });
  for (let at = 40; at < 50; at += 1) {
    await reader.produce(["jobs", at % 2], batchOf([`job ${at}`]));
  }
  const second = await consume(target, 25);
  const all = [...first, ...second].map((value) => Number(value.slice(4)));
  expect(all.toSorted((one, other) => one - other)).toEqual(
    Array.from({ length: 50 }, (_, at) => at),
  );
});

test("a group that is further at the target, or has members there, is left alone", async () => {
  await sender.createTopic("jobs");
  for (let at = 0; at < 10; at += 1) await send("jobs", 0, [`job ${at}`]);
  const after = async (committed: number): Promise<number> => {
    await commit(sender, committed);
    await mirrorAll("--topics", "jobs", "--groups");
    return await committedAt(reader);
  };
  expect(await after(4)).toBe(4);
  expect(await after(6)).toBe(6);
  await commit(reader, 8);
  expect(await after(7)).toBe(8);
  expect(await after(2)).toBe(8);
  const kafka = new Kafka({ brokers: [target.bootstrap], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: "workers", maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: ["jobs"] });
  let isThere = false;
  consumer.on("consumer.group_join", () => (isThere = true));
  await consumer.run({ autoCommit: false, eachMessage: () => Promise.resolve() });
  await waitUntil("it is a member", () => isThere);
  expect(await after(10)).toBe(8);
  await consumer.disconnect();
});

/** Commits an offset of "jobs" for the group "workers", which has no members. */
async function commit(client: RawClient, committedOffset: number): Promise<void> {
  const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: "" }];
  const topics = [{ name: "jobs", partitions }];
  const body = { groupId: "workers", memberId: "", topics };
  const answer = await client.connection.request("OffsetCommit", 8, body);
  expect(answer.topics[0]?.partitions[0]?.errorCode).toBe(0);
}

async function committedAt(client: RawClient): Promise<number> {
  const body = { groupId: "workers", topics: null };
  const answer = await client.connection.request("OffsetFetch", 7, body);
  return Number(answer.topics[0]?.partitions[0]?.committedOffset);
}

/** What a member of the group "workers" reads before it leaves; it commits after each record. */
async function consume(broker: BrokerProcess, count: number): Promise<string[]> {
  const kafka = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: "workers", maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topics: ["jobs"], fromBeginning: true });
  const values: string[] = [];
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ topic, partition, message }) => {
      if (values.length >= count) return;
      values.push(message.value?.toString() ?? "");
      const offset = String(Number(message.offset) + 1);
      await consumer.commitOffsets([{ topic, partition, offset }]);
    },
  });
  await waitUntil(`${count} records are consumed`, () => values.length >= count);
  await consumer.disconnect();
  return values;
}

test("a topic at the target that others have written to is left alone", async () => {
  await sender.createTopic("orders");
  await reader.createTopic("orders");
  await send("orders", 0, ["theirs", "theirs too"]);
  await reader.produce(["orders", 0], batchOf(["ours"]));
  const mirror = startMirror("--topics", "orders");
  await waitUntil("it says so", () => /is not the source's/.test(mirror.stderr));
  await mirror.end("SIGTERM");
  expect((await recordsAt(reader, "orders")).map(([, value]) => value)).toEqual(["ours"]);
});

test("a source that is not there ends the command, and says so", async () => {
  const args = ["mirror", "--from", "127.0.0.1:1", "--to", target.bootstrap, "--all"];
  const run = await xylem(args);
  expect([run.code, run.stderr]).toEqual([3, expect.stringContaining("no broker answers at")]);
  const none = await xylem(["mirror", "--from", source.bootstrap]);
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("--topics or --all")]);
});

test("a cluster is not copied onto itself", async () => {
  const address = `localhost:${source.port}`;
  const args = ["mirror", "--from", source.bootstrap, "--to", address, "--all", "--groups"];
  const run = await xylem([...args, "--until-caught-up"]);
  expect([run.code, run.stderr]).toEqual([1, expect.stringMatching(/target are one cluster \(/)]);
});
