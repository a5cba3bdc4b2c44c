import { afterEach, beforeEach, expect, test } from "vitest";
import { ForwardingWorld } from "../../../test/support/forwarding-world.ts";
import type { PlacedPartition } from "../cluster/replicas/placed-partition.ts";
import type { ClusterNode } from "../../../test/support/cluster-world.ts";
import { openWorld } from "../../../test/support/log-directory.ts";
import { assert } from "../../base/assert.ts";
import { defaultTopicSettings } from "../../base/settings/topic-settings.ts";
import { encodeUtf8 } from "../../base/text.ts";
import { batchTools } from "../../node/open-broker.ts";
import { deleteRecords } from "../delete-records.ts";
import { appendRecords } from "../records/append-records.ts";
import type { Topic } from "../topics/topics.ts";

let world: ForwardingWorld;
beforeEach(async () => {
  world = await ForwardingWorld.open(3);
  const configs = new Map([["segment.records", "2"]]);
  await world.cluster.create(1, "orders", { partitions: 1, replicas: 3, configs });
  await world.until("it is led", () => headId() > 0);
});
afterEach(() => world.close());

const ids = [1, 2, 3];
const topicAt = (id: number): Topic => world.cluster.node(id).topic("orders") as Topic;
const partitionAt = (id: number): PlacedPartition =>
  topicAt(id).partitions[0] as unknown as PlacedPartition;
const logAt = (id: number) => partitionAt(id).placement.log;
const startAt = (id: number): number => logAt(id)?.logStart ?? -1;
const headId = (among = ids): number =>
  among.find((id) => partitionAt(id)?.absence === undefined) ?? -1;
const members = (at: number): number => {
  const [only] = world.cluster.node(at).cluster.image.chains.values();
  return only?.config.members.length ?? 0;
};

function deleteBefore(offset: number): Promise<number> {
  const head = headId();
  const { deadlines } = world.cluster.node(head).broker;
  const [partition] = topicAt(head).partitions;
  assert(partition !== undefined, "it has a partition");
  return deleteRecords(topicAt(head), partition, offset, { deadlines, timeoutMs: 5_000 });
}

async function append(at: number, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 1) {
    const headers = { "content-type": "text/plain" };
    const asked = { body: String(sent), headers };
    const { status } = await world.http(at, "POST", "/v1/topics/orders/records", asked);
    expect(status).toBe(201);
  }
}

/** Three records in one batch. */
async function appendTogether(topic: string, acks: -1 | 1): Promise<void> {
  const values = ["1", "2", "3"].map((value) => ({ key: null, value: encodeUtf8(value) }));
  const records = values.map((one) => ({ ...one, headers: [] }));
  const asked = { topic, acks, timeoutMs: 1_000, clientId: "test", records } as const;
  const at = topic === "orders" ? headId() : 1;
  await world.cluster.drive(appendRecords(world.cluster.node(at).broker, batchTools, asked));
}

/** A log of which the start is all that is left, as one is whose last records were lost. */
async function beginAnewAt(offset: number, node: ClusterNode): Promise<void> {
  const { directory } = await openWorld(node.disk, { settings: { "node.id": node.id } });
  const id = node.topic("payments")?.id;
  assert(id !== undefined, "the topic is there");
  const key = { name: "payments", id, isDense: true };
  const replica = await directory.openReplica(key, 0, defaultTopicSettings);
  await replica.restartAt(offset);
  await directory.close();
}

test("records that were deleted while a replica was down do not come back with it", async () => {
  await append(1, 10);
  const head = headId();
  const [away = 0, other = 0] = ids.filter((id) => id !== head);
  const former = await world.stop(away);
  expect(await world.cluster.drive(deleteBefore(7))).toBe(7);
  await append(head, 1);
  await world.cluster.drive(world.restart(former));
  await world.until("it is a member again", () => members(head) === 3);
  await world.until("all begin there", () => ids.every((id) => startAt(id) === 7));
  // It is the only one left, and so the head.
  await world.stop(other);
  await world.cluster.node(head).stop();
  await world.until("it leads", () => headId([away]) === away);
  expect(partitionAt(away)).toMatchObject({ logStart: 7, committed: 11 });
  const path = "/v1/topics/orders/partitions/0/records?offset=earliest";
  const { json } = await world.http(away, "GET", path);
  expect((json["records"] as { offset: number }[])[0]?.offset).toBe(7);
});

test("what begins within a batch that is not committed gets that batch and joins", async () => {
  const configs = new Map([["min.insync.replicas", "2"]]);
  const assignments = [{ index: 0, replicas: [1, 2] }];
  const asked = { assignments, partitions: -1, replicas: -1, configs };
  await world.cluster.create(1, "payments", asked);
  const at = (id: number): PlacedPartition | undefined =>
    world.cluster.node(id).topic("payments")?.partitions[0] as PlacedPartition | undefined;
  await world.until("it is led", () => at(1)?.inSyncCount === 2);
  const former = await world.stop(2);
  await world.until("one is left", () => at(1)?.inSyncCount === 1);
  await appendTogether("payments", 1);
  expect(at(1)).toMatchObject({ committed: 0, end: 3 });
  await beginAnewAt(2, former);
  await world.cluster.drive(world.restart(former));
  await world.until("it is a member again", () => at(1)?.inSyncCount === 2);
  await world.until("it is committed", () => at(2)?.findReplica()?.committed === 3);
  expect(at(1)?.committed).toBe(3);
});

test("a replica whose disk was lost gets batches that the log start divides", async () => {
  const head = headId();
  const [away = 0] = ids.filter((id) => id !== head);
  await world.stop(away);
  await appendTogether("orders", -1);
  expect(await world.cluster.drive(deleteBefore(2))).toBe(2);
  await world.cluster.drive(world.cluster.start(away));
  await world.until("it is a member again", () => members(head) === 3);
  expect(logAt(away)).toMatchObject({ logStart: 2, end: 3 });
});

test("records are deleted once every replica has deleted them", async () => {
  await append(1, 4);
  const head = headId();
  const [one = 0, other = 0] = ids.filter((id) => id !== head);
  for (const id of [one, other]) world.cluster.network.block(head, id);
  let isDone = false;
  const deleting = deleteBefore(3).then(() => (isDone = true));
  await world.cluster.tick(500);
  expect(isDone).toBe(false);
  for (const id of [one, other]) world.cluster.network.unblock(head, id);
  await world.cluster.drive(deleting);
  const starts = ids.map((id) => logAt(id)?.logStart);
  expect(starts).toEqual([3, 3, 3]);
});

test("what a head deleted that went before the others heard of it they delete too", async () => {
  await append(1, 10);
  const head = headId();
  const others = ids.filter((id) => id !== head);
  for (const id of others) world.cluster.network.block(head, id);
  const outcome = deleteBefore(7).catch((error: Error) => error);
  await world.until("it is deleted there", () => startAt(head) === 7);
  expect(others.map(startAt)).toEqual([0, 0]);
  const former = await world.stop(head);
  expect(await outcome).toBeInstanceOf(Error);
  for (const id of others) world.cluster.network.unblock(head, id);
  await world.until("another leads", () => headId(others) > 0);
  const next = headId(others);
  expect(startAt(next)).toBe(0);
  await world.cluster.drive(world.restart(former));
  await world.until("it is a member again", () => members(next) === 3);
  await world.until("all begin there", () => ids.every((id) => startAt(id) === 7));
});

test("a topic that was made again while a replica was down is empty there", async () => {
  await append(1, 4);
  const [away = 0, at = 0] = ids.filter((id) => id !== headId());
  const former = await world.stop(away);
  const { topics } = world.cluster.node(at).broker;
  await world.cluster.drive(topics.delete("orders"));
  const configs = new Map<string, string>();
  const assignments = [{ index: 0, replicas: [at] }];
  const asked = { name: "orders", assignments, partitions: -1, replicas: -1, configs };
  await world.cluster.drive(topics.create(asked));
  await world.cluster.drive(world.restart(former));
  await world.until("it knows the new one", () => topicAt(away)?.id !== undefined);
  expect(topicAt(away).id).toEqual(topicAt(at).id);
  await append(away, 1);
  expect(partitionAt(at)).toMatchObject({ logStart: 0, committed: 1 });
  expect(logAt(away)).toBeUndefined();
});
