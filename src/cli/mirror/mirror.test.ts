import { afterEach, beforeEach, expect, test } from "vitest";
import { MirrorDoors } from "../../../test/support/mirror-doors.ts";
import { batchOf } from "../../../test/support/raw-client.ts";
import { waitUntil } from "../../../test/support/wait-until.ts";
import { Mirror } from "./mirror.ts";
import { commitOffsets, fetchOffsets } from "./mirror-marks.ts";
import { MirrorReport } from "./mirror-report.ts";

const topic = "orders";
const group = "workers";
const old = Array.from({ length: 10 }, (_, at) => `old ${at}`);

let doors: MirrorDoors;
let said: string[];
let report: MirrorReport;
let stop: AbortController;
let running: Promise<void>;

beforeEach(async () => {
  doors = await MirrorDoors.open();
  said = [];
  report = new MirrorReport((line) => said.push(line));
  await doors.sender.createTopic(topic, { configs: { "retention.ms": "7200000" } });
  await doors.send(topic, old);
  await commitAtSource(9);
  const options = { topics: [topic], copiesGroups: true, isUntilCaughtUp: false, refreshMs: 50 };
  const bounds = { bytesPerSecond: Infinity, inFlightBytesMax: 1_000_000 };
  stop = new AbortController();
  running = new Mirror(doors.ends, { ...options, ...bounds }, report).run(stop.signal);
  await waitUntil("all is copied", async () => (await offsetAtTarget(group)) === 9, 10_000);
});

afterEach(async () => {
  stop.abort();
  await running;
  await doors.close();
});

async function commitAtSource(offset: number): Promise<void> {
  await commitOffsets(doors.ends.source, group, [{ topic, index: 0, offset, metadata: null }]);
}

async function offsetAtTarget(of: string): Promise<number | undefined> {
  return (await fetchOffsets(doors.ends.target, of))[0]?.offset;
}

async function mark(): Promise<string | null | undefined> {
  const { clusterId } = await doors.ends.source.readMetadata([]);
  return (await fetchOffsets(doors.ends.target, `xylem-mirror-${clusterId}`))[0]?.metadata;
}

async function retention(): Promise<string | null | undefined> {
  const resources = [{ resourceType: 2, resourceName: topic, configurationKeys: null }];
  const { results } = await doors.ends.target.callAny("DescribeConfigs", { resources });
  return results[0]?.configs.find(({ name }) => name === "retention.ms")?.value;
}

test("a topic that is deleted at the target is copied again while the source is idle", async () => {
  const before = await mark();
  await doors.reader.deleteTopic(topic);
  const isThere = async () => (await doors.valuesAtTarget(topic)).length === old.length;
  await waitUntil("it is copied again", isThere, 10_000);
  expect(await doors.valuesAtTarget(topic)).toEqual(old);
  expect(await retention()).toBe("7200000");
  await waitUntil("so is the group", async () => (await offsetAtTarget(group)) === 9, 10_000);
  expect(await mark()).toBe(before);
});

test("a topic made anew at the source moves no group among the records before", async () => {
  await doors.sender.deleteTopic(topic);
  await doors.sender.createTopic(topic);
  const values = ["new 0", "new 1", "new 2"];
  await doors.send(topic, values);
  await commitAtSource(2);
  await waitUntil("it says so", () => said.some((one) => /orders-0: .* made anew/.test(one)));
  const { counts } = report;
  await waitUntil("all waits", () => counts.offsetsHeldBack === 1 && counts.lag === 3, 10_000);
  expect(await doors.valuesAtTarget(topic)).toEqual(old);
  expect(await offsetAtTarget(group)).toBe(9);
  // As it says.
  await doors.reader.deleteTopic(topic);
  await waitUntil("the group follows", async () => (await offsetAtTarget(group)) === 2, 10_000);
  expect(await doors.valuesAtTarget(topic)).toEqual(values);
  await waitUntil("all is well", () => report.stalls.size === 0, 10_000);
});

test("marks of a topic that went on both sides are not held against the next one", async () => {
  await doors.sender.deleteTopic(topic);
  await waitUntil("it is gone", () => said.includes("orders-0 is not at the source any more"));
  await doors.reader.deleteTopic(topic);
  // As another mirror has copied it.
  const batch = batchOf(["new 0"]);
  for (const client of [doors.reader, doors.sender]) {
    await client.createTopic(topic);
    await client.produce([topic, 0], batch);
  }
  await doors.send(topic, ["new 1"]);
  const isThere = async () => (await doors.valuesAtTarget(topic)).length === 2;
  await waitUntil("it goes on", isThere, 10_000);
  expect(await doors.valuesAtTarget(topic)).toEqual(["new 0", "new 1"]);
});

test("a topic that goes at the source meanwhile keeps no mirror from its end", async () => {
  const value = "x".repeat(30_000);
  for (const name of ["stays", "goes"]) {
    await doors.sender.createTopic(name);
    await doors.send(
      name,
      Array.from({ length: 10 }, () => value),
    );
  }
  const options = { copiesGroups: false, isUntilCaughtUp: true, refreshMs: 50 };
  const bounds = { bytesPerSecond: 100_000, inFlightBytesMax: 1_000_000 };
  const names = { topics: undefined };
  const once = new Mirror(doors.ends, { ...options, ...bounds, ...names }, report);
  const done = once.run(stop.signal);
  await waitUntil("it has begun", () => report.counts.records > old.length);
  await doors.sender.deleteTopic("goes");
  await done;
  expect([...report.stalls]).toEqual([]);
});
