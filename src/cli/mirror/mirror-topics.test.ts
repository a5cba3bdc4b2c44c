import { afterEach, beforeEach, expect, test } from "vitest";
import { KafkaDoor } from "../../../test/support/memory-broker.ts";
import { KafkaCluster, type Metadata } from "./kafka-cluster.ts";
import { MirrorReport } from "./mirror-report.ts";
import { MirrorTopics } from "./mirror-topics.ts";

/** A cluster whose nodes hear late of what one of them has made: the first answer again. */
class LateCluster extends KafkaCluster {
  isLate = false;
  #first: Metadata | undefined;

  override async readMetadata(names?: readonly string[]): Promise<Metadata> {
    const metadata = await super.readMetadata(names);
    this.#first ??= metadata;
    return this.isLate ? this.#first : metadata;
  }
}

let doors: KafkaDoor[];
let ends: { source: KafkaCluster; target: LateCluster };
let report: MirrorReport;
let topics: MirrorTopics;

beforeEach(async () => {
  doors = [await KafkaDoor.open(), await KafkaDoor.open()];
  const [source, target] = doors.map(({ port }) => `127.0.0.1:${port}`) as [string, string];
  ends = { source: new KafkaCluster(source), target: new LateCluster(target) };
  report = new MirrorReport(() => undefined);
  topics = new MirrorTopics(ends, undefined, report);
});

afterEach(async () => {
  for (const cluster of Object.values(ends)) cluster.close();
  for (const door of doors) await door.close();
});

async function createAtSource(name: string, partitions: number): Promise<void> {
  const asked = { name, partitions, replicas: -1, configs: new Map<string, string>() };
  await doors[0]?.broker.topics.create(asked);
}

function partitionsOf(pairs: Awaited<ReturnType<MirrorTopics["sync"]>>): number[] {
  return pairs.map(({ target }) => target.length);
}

test("a topic of which the target has not heard yet is not caught up without", async () => {
  ends.target.isLate = true;
  await createAtSource("orders", 3);
  expect(partitionsOf(await topics.sync())).toEqual([]);
  expect([...report.stalls.keys()]).toEqual(["topic orders"]);
  ends.target.isLate = false;
  expect(partitionsOf(await topics.sync())).toEqual([3]);
  expect(report.stalls.size).toBe(0);
});

test("nor are partitions that were added", async () => {
  await createAtSource("orders", 1);
  await topics.sync();
  ends.target = new LateCluster(`127.0.0.1:${doors[1]?.port}`);
  topics = new MirrorTopics(ends, undefined, report);
  ends.target.isLate = true;
  await doors[0]?.broker.topics.addPartitions("orders", 3);
  expect(partitionsOf(await topics.sync())).toEqual([1]);
  expect([...report.stalls.keys()]).toEqual(["topic orders"]);
  ends.target.isLate = false;
  expect(partitionsOf(await topics.sync())).toEqual([3]);
  expect(report.stalls.size).toBe(0);
});
