import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ForwardingWorld } from "../../../test/support/forwarding-world.ts";
import { batchTools } from "../../node/open-broker.ts";
import type { Following } from "../follow/following.ts";
import { type FollowAsk, openFollowing } from "../follow/open-following.ts";
import type { PlacedPartition } from "../cluster/replicas/placed-partition.ts";
import { alterReassignment } from "../reassignment/alter-reassignment.ts";
import { appendRecords } from "../records/append-records.ts";

const nodeIds = [1, 2, 3];
const limits = { records: 100, bytes: 1_000_000 };
let world: ForwardingWorld;
let readers: Reader[];

beforeEach(async () => {
  readers = [];
  world = await ForwardingWorld.open(3);
});
afterEach(async () => {
  for (const reader of readers) reader.following.close();
  await world.close();
});

/** Takes all that comes. */
class Reader {
  readonly following: Following;
  readonly seen: string[] = [];
  readonly news: string[] = [];

  constructor(following: Following) {
    this.following = following;
    void this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      const found = await this.following.next(limits);
      if (found === undefined) return;
      for (const { partition, offset } of found.records) this.seen.push(`${partition}@${offset}`);
      for (const { from, to } of found.moved) this.news.push(`moved ${from} ${to}`);
      for (const { error } of found.ended) this.news.push(error.code);
    }
  }
}

const asked: Omit<FollowAsk, "wishes"> = {
  from: "earliest",
  sizeBytesMax: 1_000_000,
  partitionsMax: 256,
  tooMany: "",
};

async function read(id: number, topic: string, more: Partial<FollowAsk> = {}): Promise<Reader> {
  const scope = { broker: world.cluster.node(id).broker, tools: batchTools };
  const ask = { ...asked, wishes: [{ topic }], ...more };
  const reader = new Reader(await world.cluster.drive(openFollowing(scope, ask)));
  readers.push(reader);
  return reader;
}

async function append(id: number, topic: string, partition: number, value: string): Promise<void> {
  const outcome = await world.cluster.drive(
    appendRecords(world.cluster.node(id).broker, batchTools, {
      topic,
      records: [{ key: null, value: Buffer.from(value), headers: [], partition }],
      acks: -1,
      timeoutMs: 30_000,
      clientId: "test",
      idempotency: { scope: "", key: `${topic} ${value}` },
    }),
  );
  expect(outcome.error).toBeUndefined();
}

const logAt = (id: number, topic: string) => world.cluster.node(id).topic(topic)?.partitions[0];

/** One partition with its head on node 1 and replicas on these nodes. */
async function createReplicated(topic: string, replicas: number[]): Promise<void> {
  const assignments = [{ index: 0, replicas }];
  await world.cluster.create(1, topic, { assignments, partitions: -1, replicas: -1 });
  await world.until("it is led", () => logAt(1, topic)?.absence === undefined);
}

describe("a live reader at any node", () => {
  test("gets what lies in all partitions, then each record as it comes", async () => {
    await world.create("orders");
    for (const partition of [0, 1, 2]) await append(1, "orders", partition, `old ${partition}`);
    for (const id of nodeIds) await read(id, "orders");
    const all = (count: number) => readers.every(({ seen }) => seen.length === count);
    await world.until("what lies there is read", () => all(3));
    for (const partition of [2, 0, 1]) await append(2, "orders", partition, `new ${partition}`);
    await world.until("what comes is read", () => all(6));
    const sorted = readers.map(({ seen }) => seen.toSorted());
    expect(sorted[0]).toEqual(["0@0", "0@1", "1@0", "1@1", "2@0", "2@1"]);
    expect(sorted[1]).toEqual(sorted[0]);
    expect(sorted[2]).toEqual(sorted[0]);
  });

  test("begins where the log ends for the node that leads it", async () => {
    await world.create("orders");
    await append(1, "orders", 1, "old");
    for (const id of nodeIds) await read(id, "orders", { from: "latest" });
    await append(3, "orders", 1, "new");
    await world.until("it is read", () => readers.every(({ seen }) => seen.length > 0));
    expect(readers.map(({ seen }) => seen)).toEqual([["1@1"], ["1@1"], ["1@1"]]);
  });

  test("is told that its topic is gone", async () => {
    await world.create("orders");
    for (const id of nodeIds) await read(id, "orders");
    await world.cluster.drive(world.cluster.node(2).broker.topics.delete("orders"));
    await world.until("all are told", () => readers.every(({ news }) => news.length > 0));
    expect(readers.map(({ news }) => news)).toEqual(
      nodeIds.map(() => ["UNKNOWN_TOPIC_OR_PARTITION"]),
    );
  });

  test("goes on where its records were removed before it came", async () => {
    await createReplicated("orders", [1]);
    for (const value of ["a", "b", "c"]) await append(1, "orders", 0, value);
    const [log] = world.cluster.node(1).topic("orders")?.partitions ?? [];
    if (log !== undefined) await world.cluster.drive(log.deleteRecordsBefore(2));
    const start = [{ topic: "orders", partition: 0, position: 0 }];
    for (const id of nodeIds) await read(id, "orders", { wishes: start });
    await world.until("it is read", () => readers.every(({ seen }) => seen.length > 0));
    for (const { seen, news } of readers) {
      expect([seen, news]).toEqual([["0@2"], ["moved 0 2"]]);
    }
  });
});

describe("when the head dies", () => {
  test("readers at a replica and at a node without one go on, gap and duplicate free", async () => {
    await createReplicated("orders", [1, 2]);
    for (const id of [2, 3]) await read(id, "orders");
    for (let at = 0; at < 5; at += 1) await append(3, "orders", 0, `before ${at}`);
    await world.until("it is read", () => readers.every(({ seen }) => seen.length === 5));
    world.crash(1);
    for (let at = 0; at < 5; at += 1) await append(3, "orders", 0, `after ${at}`);
    await world.until("they go on", () => readers.every(({ seen }) => seen.length >= 10));
    const offsets = Array.from({ length: 10 }, (_, offset) => `0@${offset}`);
    for (const { seen, news } of readers) expect([seen, news]).toEqual([offsets, []]);
  });
});

describe("when the partition moves", () => {
  test("readers where it was, where it is then and elsewhere see each record once", async () => {
    await createReplicated("orders", [1]);
    for (const id of nodeIds) await read(id, "orders");
    for (let at = 0; at < 5; at += 1) await append(3, "orders", 0, `before ${at}`);
    const { broker } = world.cluster.node(1);
    const move = { topic: "orders", partition: 0, replicas: [2], mayResize: false };
    await world.cluster.drive(alterReassignment(broker, move));
    for (let at = 0; at < 20; at += 1) await append(3, "orders", 0, `on its way ${at}`);
    await world.until("it has moved", () => logAt(2, "orders")?.absence === undefined);
    await world.until("node 1 has nothing of it", () => placedAt(1).placement.log === undefined);
    for (let at = 0; at < 5; at += 1) await append(3, "orders", 0, `after ${at}`);
    await world.until("they go on", () => readers.every(({ seen }) => seen.length >= 30));
    const offsets = Array.from({ length: 30 }, (_, offset) => `0@${offset}`);
    for (const { seen, news } of readers) expect([seen, news]).toEqual([offsets, []]);
  });

  const placedAt = (id: number) => logAt(id, "orders") as PlacedPartition;
});

describe("a page of several topics", () => {
  test("has what was acknowledged before it was asked for, whichever node is asked", async () => {
    await world.create("orders");
    await createReplicated("payments", [1, 2, 3]);
    for (let round = 1; round <= 3; round += 1) {
      await append(round, "orders", 1, `o${round}`);
      await append(round, "payments", 0, `p${round}`);
      for (const id of nodeIds) {
        const path = "/v1/records?topic=orders&topic=payments";
        const { status, json } = await world.http(id, "GET", path);
        expect([status, json["records"]]).toMatchObject([200, { length: 2 * round }]);
      }
    }
  });
});
