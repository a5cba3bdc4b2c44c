import { afterEach, beforeEach, expect, test } from "vitest";
import { ForwardingWorld } from "../../../test/support/forwarding-world.ts";
import { batchOf } from "../../../test/support/log-directory.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import { ProducedBatch, produce } from "../produce.ts";

let world: ForwardingWorld;
beforeEach(async () => {
  world = await ForwardingWorld.open(3);
});
afterEach(() => world.close());

/** On nodes 1 and 2, led by the first. */
async function create(configs: Readonly<Record<string, string>>): Promise<void> {
  const asked = { assignments: [{ index: 0, replicas: [1, 2] }], partitions: -1, replicas: -1 };
  await world.cluster.create(1, "docs", { ...asked, configs: new Map(Object.entries(configs)) });
  const isWhole = () => partition().absence === undefined && partition().inSyncCount === 2;
  await world.until("the chain is whole", isWhole);
}

const partition = () => {
  const [only] = world.cluster.node(1).topic("docs")?.partitions ?? [];
  if (only === undefined) throw new Error("there is no topic");
  return only;
};

/** The chain is node 1 alone, which is fewer than it is to have. */
async function cutShort() {
  const away = world.cluster.node(2);
  world.crash(2);
  await world.until("node 2 is cut out", () => partition().inSyncCount === 1);
  return away;
}

async function post(query: string) {
  const headers = { "content-type": "application/json" };
  const path = `/v1/topics/docs/records?${query}`;
  return (await world.http(1, "POST", path, { body: '{"a":1}', headers })).status;
}

async function patch(at: number) {
  const headers = { "content-type": "application/json-patch+json" };
  const body = '[{"op":"add","path":"/b","value":2}]';
  const path = "/v1/topics/docs/records/latest?partition=0&timeout=2s";
  const { status, json } = await world.http(at, "PATCH", path, { body, headers });
  return { status, code: json["code"] };
}

test("a patch waits as long as it was asked to, and so do those behind it", async () => {
  await create({ "min.insync.replicas": "2" });
  expect(await post("acks=all")).toBe(201);
  const away = await cutShort();
  expect(await post("acks=1")).toBe(201);
  expect(partition()).toMatchObject({ end: 2, committed: 1 });
  const startMs = world.cluster.clock.monotonicMs();
  const answers = await Promise.all([1, 1, 3, 3].map((at) => patch(at)));
  for (const answer of answers) {
    expect(answer).toEqual({ status: 504, code: "REQUEST_TIMED_OUT" });
  }
  expect(world.cluster.clock.monotonicMs() - startMs).toBeLessThan(4_000);
  expect(partition().end).toBe(2);
  await world.cluster.drive(world.restart(away));
  await world.until("the chain is whole", () => partition().committed === 2);
  expect(await patch(3)).toMatchObject({ status: 201 });
});

test("acks=1 asks for no more than the head has, however durable", async () => {
  await create({ "min.insync.replicas": "2" });
  await cutShort();
  for (const durability of ["os", "fsync"]) {
    expect(await post(`acks=1&durability=${durability}&timeout=3s`)).toBe(201);
  }
  expect(partition()).toMatchObject({ end: 2, flushed: 2, committed: 0 });
});

test("what is about to be held is, when the chain becomes too short", async () => {
  await create({ durability: "fsync" });
  await cutShort();
  const { broker } = world.cluster.node(1);
  const [one, all] = [1, -1].map((acks) => {
    const batch = new ProducedBatch(broker.topics.find("docs"), 0, batchOf(["a"]));
    const how = { timeoutMs: 5_000, clientId: "", transactionalId: null };
    return { batch, done: produce(broker, { acks, ...how, batches: [batch] }) };
  });
  const settings = broker.topics.find("docs")?.settings as TopicSettings;
  partition().configure({ ...settings, "min.insync.replicas": 2 });
  await world.cluster.drive(Promise.all([one?.done, all?.done]));
  expect(one?.done).toBeDefined();
  expect(one?.batch.error).toBeUndefined();
  expect(all?.batch.error?.code).toBe("NOT_ENOUGH_REPLICAS_AFTER_APPEND");
});
