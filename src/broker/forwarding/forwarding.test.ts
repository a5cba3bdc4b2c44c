import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { garbageBatch } from "../../../test/support/log-directory.ts";
import { ForwardingWorld } from "../../../test/support/forwarding-world.ts";
import { batchTools } from "../../node/open-broker.ts";
import { appendRecords } from "../records/append-records.ts";
import { readPage } from "../records/read-page.ts";

const nodeIds = [1, 2, 3];
let world: ForwardingWorld;

beforeEach(async () => {
  world = await ForwardingWorld.open(3);
  await world.create("orders");
});
afterEach(() => world.close());

const records = "/v1/topics/orders/records";
const partition = (index: number): string => `/v1/topics/orders/partitions/${index}/records`;
const base64 = (text: string): string => Buffer.from(text).toString("base64");
/** The ends of what each node itself holds of a partition. */
const ends = (index: number): unknown[] =>
  nodeIds.map((id) => world.cluster.node(id).topic("orders")?.partitions[index]?.end);

describe("whichever node is asked", () => {
  test("over HTTP and gRPC in turn, one log is written, and is read alike from each", async () => {
    const offsets: unknown[] = [];
    for (const id of nodeIds) {
      const http = await world.http(id, "POST", `${records}?partition=1`, { body: `http ${id}` });
      expect(http).toMatchObject({ status: 201, json: { durable: true } });
      offsets.push((http.json["records"] as { offset: number }[])[0]?.offset);
      const value = base64(`grpc ${id}`);
      const asked = { topic: "orders", records: [{ value, partition: 1 }] };
      const grpc = await world.grpc(id, "Append", asked);
      expect(grpc).toMatchObject({ status: 200, json: { durable: true } });
      offsets.push(Number((grpc.json["ranges"] as { offset: string }[])[0]?.offset));
    }
    expect(offsets).toEqual([0, 1, 2, 3, 4, 5]);
    expect(ends(1)).toEqual([0, 6, 0]);
    const http = await Promise.all(nodeIds.map((id) => world.http(id, "GET", partition(1))));
    expect(http[0]?.json["records"]).toHaveLength(6);
    expect(http[1]).toEqual(http[0]);
    expect(http[2]).toEqual(http[0]);
    const ask = { topic: "orders", partition: 1 };
    const grpc = await Promise.all(nodeIds.map((id) => world.grpc(id, "Read", ask)));
    expect(grpc[0]?.json["records"]).toHaveLength(6);
    expect(grpc[1]).toEqual(grpc[0]);
    expect(grpc[2]).toEqual(grpc[0]);
  });

  test("what lies before a batch that does not open is read, then it is damage", async () => {
    await world.http(1, "POST", `${records}?partition=1`, { body: "sound" });
    const log = world.cluster.node(2).topic("orders")?.partitions[1];
    log?.append(garbageBatch(2), { origin: "client" });
    await world.until("it is committed", () => log?.committed === 3);
    const ask = { topic: "orders", partition: 1 };
    const fault = { code: "CORRUPT_MESSAGE", retriable: false };
    for (const id of [1, 2]) {
      const page = await world.http(id, "GET", partition(1));
      expect(page.json).toMatchObject({ records: [{ offset: 0 }], nextOffset: 1 });
      const http = await world.http(id, "GET", `${partition(1)}?offset=1`);
      expect(http).toMatchObject({ status: 500, json: fault });
      const grpc = await world.grpc(id, "Read", { ...ask, position: { offset: 1 } });
      expect(grpc.json).toMatchObject({ code: "data_loss" });
    }
  });

  test("records of several partitions go each to its node, told in their order", async () => {
    const list = [2, 0, 1, 0, 2].map((index, at) => ({ partition: index, value: `v${at}` }));
    const headers = { "content-type": "application/vnd.xylem.records+json" };
    const { status, json } = await world.http(1, "POST", records, {
      headers,
      body: JSON.stringify({ records: list }),
    });
    expect([status, json]).toMatchObject([201, { durable: true }]);
    const told = json["records"] as { partition: number; offset: number }[];
    expect(told.map((one) => [one.partition, one.offset])).toEqual([
      [2, 0],
      [0, 0],
      [1, 0],
      [0, 1],
      [2, 1],
    ]);
    expect([ends(0), ends(1), ends(2)]).toEqual([
      [2, 0, 0],
      [0, 1, 0],
      [0, 0, 2],
    ]);
  });

  test("a topic that the append itself makes takes it, whichever nodes it falls to", async () => {
    const made = Array.from({ length: 12 }, (_, at) => {
      const path = `/v1/topics/new-${at}/records`;
      return world.http(1 + (at % 3), "POST", path, { body: "first" });
    });
    for (const answer of made) {
      expect(await answer).toMatchObject({ status: 201, json: { records: [{ offset: 0 }] } });
    }
  });

  test("an expected offset that is another one is told with both", async () => {
    await world.http(1, "POST", `${records}?partition=1`, { body: "a" });
    const options = { body: "b", headers: { "if-match": '"7"' } };
    const refused = await world.http(3, "POST", `${records}?partition=1`, options);
    expect(refused).toMatchObject({ status: 412, json: { expected: 7, actual: 1 } });
    const right = { body: "b", headers: { "if-match": '"1"' } };
    const taken = await world.http(3, "POST", `${records}?partition=1`, right);
    expect(taken.status).toBe(201);
  });

  test("an idempotency key counts at every node", async () => {
    const headers = { "idempotency-key": "k-1" };
    const append = (id: number, body: string) =>
      world.http(id, "POST", `${records}?partition=2`, { headers, body });
    const first = await append(1, "once");
    expect(first.status).toBe(201);
    for (const id of nodeIds)
      expect((await append(id, "once")).json["records"]).toEqual(first.json["records"]);
    expect(ends(2)).toEqual([0, 0, 1]);
    expect(await append(2, "twice")).toMatchObject({ status: 422 });
  });

  test("a node that is about to stop takes nothing for others' clients any more", async () => {
    world.cluster.node(2).broker.forwarding?.stop();
    const one = { key: null, value: new Uint8Array(1), headers: [], partition: 1 };
    const ask = {
      topic: "orders",
      records: [one],
      acks: -1,
      timeoutMs: 200,
      clientId: "c",
    } as const;
    const asking = appendRecords(world.cluster.node(1).broker, batchTools, ask);
    const refused = { code: "BROKER_NOT_AVAILABLE" };
    await expect(world.cluster.drive(asking)).rejects.toMatchObject(refused);
    expect(ends(1)).toEqual([0, 0, 0]);
    expect((await world.http(2, "POST", `${records}?partition=1`, { body: "own" })).status).toBe(
      201,
    );
  });

  test("a key's newest record is found, and is patched where it is", async () => {
    const key = "c-7";
    const latest = `/v1/topics/orders/latest?key=${key}&partition=1`;
    for (const id of nodeIds) {
      const path = `${records}?partition=${id - 1}&key=${key}`;
      const headers = { "content-type": "application/json" };
      await world.http(1, "POST", path, { headers, body: `{"n":${id}}` });
    }
    for (const id of nodeIds) {
      const found = await world.http(id, "GET", latest);
      expect(found).toEqual({ status: 200, json: { n: 2 } });
    }
    const patched = await world.http(
      3,
      "PATCH",
      `/v1/topics/orders/records/latest?key=${key}&partition=1`,
      {
        headers: { "content-type": "application/json-patch+json" },
        body: '[{"op":"replace","path":"/n","value":12}]',
      },
    );
    expect(patched.status).toBeLessThan(300);
    const found = await world.http(1, "GET", latest);
    expect(found.json).toEqual({ n: 12 });
    expect(ends(1)).toEqual([0, 2, 0]);
  });

  test("a refused read says where the log is", async () => {
    const refused = await world.http(1, "GET", `${partition(1)}?offset=9`);
    const here = await world.http(2, "GET", `${partition(1)}?offset=9`);
    expect(refused.status).toBe(416);
    expect(refused.json).toEqual(here.json);
  });
});

describe("a read that waits", () => {
  test("ends with the record that comes to another node", async () => {
    const waiting = world.http(1, "GET", `${partition(1)}?wait=30s`);
    await world.until("it waits", () => world.cluster.node(2).broker.deadlines.count > 0);
    await world.http(3, "POST", `${records}?partition=1`, { body: "news" });
    expect((await waiting).json["records"]).toHaveLength(1);
  });

  test("ends there too when its client goes, and tells what there is", async () => {
    const client = new AbortController();
    const { signal } = client;
    const ask = { topic: "orders", partition: 1, limit: 10, maxBytes: 1_000, waitMs: 30_000 };
    const { broker } = world.cluster.node(1);
    const waiting = readPage(broker, batchTools, { ...ask, position: "earliest", signal });
    await world.until("it waits", () => world.cluster.node(2).broker.deadlines.count > 0);
    client.abort();
    const abortedMs = broker.clock.monotonicMs();
    expect(await world.cluster.drive(waiting)).toMatchObject({ records: [], nextOffset: 0 });
    expect(broker.clock.monotonicMs() - abortedMs).toBeLessThan(5_000);
  });
});

describe("while a partition's node is away", () => {
  const append = (id: number, more: object = {}) =>
    appendRecords(world.cluster.node(id).broker, batchTools, {
      topic: "orders",
      records: [{ key: null, value: Buffer.from("late"), headers: [], partition: 1 }],
      acks: -1,
      timeoutMs: 30_000,
      clientId: "test",
      ...more,
    });

  test("an append waits for it, and is in its log once", async () => {
    await world.http(1, "POST", `${records}?partition=1`, { body: "before" });
    const former = await world.stop(2);
    const appending = append(1);
    await world.restart(former);
    const outcome = await world.cluster.drive(appending);
    expect(outcome).toMatchObject({ records: [{ partition: 1, offset: 1 }] });
    expect(outcome.error).toBeUndefined();
    const read = await world.http(3, "GET", partition(1));
    expect(read.json["records"]).toHaveLength(2);
  });

  test("it is told who is missing when the patience ends; others are served", async () => {
    await world.stop(2);
    const refused = world.cluster.drive(append(1));
    await expect(refused).rejects.toMatchObject({ code: "NOT_LEADER_OR_FOLLOWER" });
    const other = await world.http(1, "POST", `${records}?partition=2`, { body: "x" });
    expect(other.status).toBe(201);
  });
});

describe("a partition with three replicas", () => {
  const append = (id: number, value: string, key?: string) =>
    appendRecords(world.cluster.node(id).broker, batchTools, {
      topic: "payments",
      records: [{ key: null, value: Buffer.from(value), headers: [], partition: 0 }],
      acks: -1,
      timeoutMs: 30_000,
      clientId: "test",
      idempotency: key === undefined ? undefined : { scope: "", key },
    });

  test("takes appends at any node when its head dies; each is there once", async () => {
    const { cluster } = world;
    const assignments = [{ index: 0, replicas: [1, 2, 3] }];
    await cluster.create(1, "payments", { assignments, partitions: -1, replicas: -1 });
    const log = (id: number) => cluster.node(id).topic("payments")?.partitions[0];
    await world.until("it is led", () => log(1)?.absence === undefined);
    for (const id of nodeIds) await cluster.drive(append(id, `before ${id}`));
    // Links see a dead node late: whether it still took these, nobody can know without their keys.
    world.crash(1);
    const first = await world.http(2, "GET", "/v1/topics/payments/partitions/0/records");
    expect(first).toMatchObject({ status: 200, json: { nextOffset: 3 } });
    const late = await cluster.drive(
      Promise.all([append(2, "late", "k2"), append(3, "late", "k3")]),
    );
    expect(late.map(({ error }) => error)).toEqual([undefined, undefined]);
    const read = async (id: number): Promise<unknown> =>
      (await world.http(id, "GET", "/v1/topics/payments/partitions/0/records")).json["records"];
    expect(await read(2)).toHaveLength(5);
    expect(await read(3)).toEqual(await read(2));
  });
});

describe("an append whose answer is lost on its way", () => {
  const key = { scope: "", key: "k-1" };

  /** The record is at its head when the link on which it would be answered breaks. */
  async function loseAnswer(idempotency?: typeof key) {
    const { cluster } = world;
    const log = cluster.node(1).topic("orders")?.partitions[0];
    const append = (own?: typeof key) =>
      appendRecords(cluster.node(2).broker, batchTools, {
        topic: "orders",
        records: [{ key: null, value: Buffer.from("a"), headers: [], partition: 0 }],
        acks: -1,
        timeoutMs: 30_000,
        clientId: "test",
        idempotency: own,
      });
    await cluster.drive(append());
    const before = log?.end ?? 0;
    cluster.network.block(1, 2);
    const outcome = append(idempotency).catch((error: unknown) => error);
    await world.until("it is appended", () => log?.end === before + 1);
    cluster.network.unblock(1, 2);
    cluster.network.cut(1, 2);
    return { outcome: await cluster.drive(outcome), count: (log?.end ?? 0) - before };
  }

  test("is not done again: nobody knows, it says", async () => {
    const { outcome, count } = await loseAnswer();
    expect(outcome).toMatchObject({ code: "REQUEST_TIMED_OUT" });
    expect(count).toBe(1);
  });

  test("is asked again under its key, and is there once", async () => {
    const { outcome, count } = await loseAnswer(key);
    expect(outcome).toMatchObject({ records: [{ partition: 0, offset: 1 }], isDuplicate: true });
    expect(count).toBe(1);
  });
});
