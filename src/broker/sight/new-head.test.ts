import { afterEach, beforeEach, expect, test } from "vitest";
import { ForwardingWorld } from "../../../test/support/forwarding-world.ts";
import { batchTools } from "../../node/open-broker.ts";
import { appendRecords } from "../records/append-records.ts";

let world: ForwardingWorld;
const base64 = (text: string): string => Buffer.from(text).toString("base64");

/**
 * Node 1 led `orders` and is gone. Node 2 does now, with a record that node 3 has not heard of: so
 * it does not know what is committed (KIP-207).
 */
beforeEach(async () => {
  world = await ForwardingWorld.open(3);
  const { cluster } = world;
  const assignments = [{ index: 0, replicas: [1, 2, 3] }];
  await cluster.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  await world.until("it is led", () => logAt(1)?.absence === undefined);
  await append("known", -1);
  await world.until("all know it", () =>
    [2, 3].every((id) => logAt(id)?.follower?.committed === 1),
  );
  cluster.network.block(2, 3);
  await append("late", 1);
  await world.until("node 2 has it", () => logAt(2)?.follower?.end === 2);
  world.crash(1);
  await world.until("node 2 leads", () => logAt(2)?.absence === undefined);
});
afterEach(() => world.close());

const logAt = (id: number) => world.cluster.node(id).topic("orders")?.partitions[0];

async function append(value: string, acks: -1 | 1): Promise<void> {
  const outcome = await world.cluster.drive(
    appendRecords(world.cluster.node(1).broker, batchTools, {
      topic: "orders",
      records: [{ key: Buffer.from("k"), value: Buffer.from(JSON.stringify(value)), headers: [] }],
      acks,
      timeoutMs: 5_000,
      clientId: "test",
    }),
  );
  expect(outcome.error).toBeUndefined();
}

const page = "/v1/topics/orders/partitions/0/records";
const unknown = { status: 503, json: { code: "OFFSET_NOT_AVAILABLE", retriable: true } };

test.each([
  ["a page from the latest", `${page}?offset=latest`],
  ["the last records", `${page}?offset=-1`],
  ["a page past the end", `${page}?offset=7`],
  ["the newest of a key", "/v1/topics/orders/latest?key=k"],
  ["what comes after a time", `${page}?offset=@2100-01-01T00:00:00Z`],
  ["a page of several topics", "/v1/records?topic=orders&from=earliest"],
])("a new head that does not know the latest refuses %s, and then answers", async (_, path) => {
  expect(await world.http(2, "GET", path)).toMatchObject(unknown);
  world.cluster.network.unblock(2, 3);
  await world.until("it knows", () => logAt(2)?.committed === 2);
  const { status } = await world.http(3, "GET", path);
  expect(status).toBe(path.endsWith("offset=7") ? 416 : 200);
});

test("one record that it may be about to commit is not said to be missing", async () => {
  const record = (offset: number) => world.http(2, "GET", `${page}/${offset}`);
  expect(await record(0)).toMatchObject({ status: 200 });
  expect(await record(1)).toMatchObject(unknown);
  world.cluster.network.unblock(2, 3);
  await world.until("it knows", () => logAt(2)?.committed === 2);
  expect(await record(1)).toMatchObject({ status: 200 });
});

test("over gRPC too", async () => {
  const read = { topic: "orders", partition: 0, position: { edge: "LOG_EDGE_LATEST" } };
  expect(await world.grpc(2, "Read", read)).toMatchObject({ status: 503 });
  const append = { topic: "orders", acks: "ACKS_LEADER", records: [{ value: base64("x") }] };
  expect(await world.grpc(2, "Append", append)).toMatchObject({ status: 200 });
});

test("what is surely committed is read meanwhile", async () => {
  const { status, json } = await world.http(2, "GET", page);
  expect([status, json["records"]]).toMatchObject([200, { length: 1 }]);
});

test("a topic's description does not tell an end that may be behind", async () => {
  const { json } = await world.http(2, "GET", "/v1/topics/orders");
  const [partition] = json["partitions"] as object[];
  expect(partition).toMatchObject({ leader: 2, logStart: 0 });
  expect(partition).not.toHaveProperty("highWatermark");
});
