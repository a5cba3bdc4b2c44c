import { type ServiceError, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { GrpcClient, reasonOf } from "../support/grpc-client.ts";

let broker: Xylem;
let log: GrpcClient;
let admin: GrpcClient;
let echo: GrpcClient;

beforeAll(async () => {
  broker = await Xylem.start();
  log = new GrpcClient(broker.bootstrap, "xylem.v1.LogService");
  admin = new GrpcClient(broker.bootstrap, "xylem.v1.AdminService");
  echo = new GrpcClient(broker.bootstrap, "xylem.v1.EchoService");
});

afterAll(async () => {
  for (const client of [log, admin, echo]) client.close();
  await broker.close();
});

const bytes = (text: string): Buffer => Buffer.from(text);

test("Ping answers pong, Echo the same text", async () => {
  expect(await echo.call("ping", {})).toEqual({ message: "pong" });
  expect(await echo.call("echo", { text: "é\u0000 🌲" })).toEqual({ text: "é\u0000 🌲" });
});

test("what is appended is read from a position, which the answer moves on", async () => {
  await admin.call("ensureTopic", { name: "orders", partitions: 1 });
  const records = [
    { key: bytes("a"), value: bytes("1"), headers: [{ key: "h", value: bytes("x") }] },
    { value: bytes("2"), timestampMs: 1_767_225_600_000 },
    { key: bytes("a") },
  ];
  const appended = await log.call("append", { topic: "orders", records });
  expect(appended).toMatchObject({ ranges: [{ partition: 0, offset: 0, count: 3 }] });
  const first = await log.call("read", { topic: "orders", limit: 2 });
  expect(first).toMatchObject({
    records: [
      { offset: 0, key: bytes("a"), value: bytes("1"), headers: [{ key: "h", value: bytes("x") }] },
      { offset: 1, timestampMs: 1_767_225_600_000, value: bytes("2"), headers: [] },
    ],
    nextOffset: 2,
    highWatermark: 3,
    logStart: 0,
  });
  const rest = await log.call("read", { topic: "orders", position: { offset: 2 } });
  expect(rest).toMatchObject({ records: [{ offset: 2, key: bytes("a") }], nextOffset: 3 });
  expect(Object.keys((rest as unknown as { records: object[] }).records[0] ?? {})).not.toContain(
    "value",
  );
});

test.each([
  [{ last: 1 }, [2]],
  [{ edge: "LOG_EDGE_EARLIEST" }, [0, 1, 2]],
  [{ edge: "LOG_EDGE_LATEST" }, []],
  [{ timeMs: 1_767_225_600_001 }, [0, 1, 2]],
])("a read begins at %j", async (position, offsets) => {
  const page = await log.call("read", { topic: "orders", position });
  expect(offsetsOf(page)).toEqual(offsets);
});

test.each([
  [{ key: bytes("a") }, [0, 2]],
  [{ keyPrefix: bytes("b") }, []],
  [{ headers: { h: bytes("x") } }, [0]],
  [{ json: { "": "2" } }, [1]],
])("a filter %j is applied in the broker", async (filter, offsets) => {
  expect(offsetsOf(await log.call("read", { topic: "orders", filter }))).toEqual(offsets);
});

test("a read waits for what comes", async () => {
  const waiting = log.call("read", { topic: "orders", position: { offset: 3 }, waitMs: 30_000 });
  await log.call("append", { topic: "orders", records: [{ value: bytes("late") }] });
  expect(offsetsOf(await waiting)).toEqual([3]);
});

test("a read that waits ends before its client's deadline", async () => {
  const ask = { topic: "orders", position: { offset: 4 }, waitMs: 30_000 };
  const page = await log.call("read", ask, { deadline: Date.now() + 1_000 });
  expect(offsetsOf(page)).toEqual([]);
});

test.each([
  ["read", { topic: "none" }, status.NOT_FOUND, "UNKNOWN_TOPIC_OR_PARTITION"],
  [
    "read",
    { topic: "orders", position: { offset: 99 } },
    status.OUT_OF_RANGE,
    "OFFSET_OUT_OF_RANGE",
  ],
  ["read", { topic: "orders", limit: -1 }, status.INVALID_ARGUMENT, "INVALID_REQUEST"],
  ["append", { topic: "orders" }, status.INVALID_ARGUMENT, "INVALID_REQUEST"],
  ["append", { topic: "a b", records: [{}] }, status.INVALID_ARGUMENT, "INVALID_TOPIC_EXCEPTION"],
  [
    "append",
    { topic: "orders", records: [{}], minReplicas: 2 },
    status.UNAVAILABLE,
    "NOT_ENOUGH_REPLICAS",
  ],
])(
  "%s %j fails with its status and the catalogue's name",
  async (method, request, code, reason) => {
    const error = await log.call(method, request).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(reasonOf(error as ServiceError)).toBe(reason);
  },
);

test("a position outside the log is moved where the request says", async () => {
  const ask = { topic: "orders", position: { offset: 99 }, reset: "RESET_EARLIEST", limit: 1 };
  expect(await log.call("read", ask)).toMatchObject({ wasReset: true, nextOffset: 1 });
});

test("records of one request that a partition refuses do not touch the others", async () => {
  await admin.call("ensureTopic", { name: "two", partitions: 2 });
  const records = [
    { partition: 0, value: bytes("good") },
    { partition: 7, value: bytes("nowhere") },
  ];
  const answer = await log.call("append", { topic: "two", records });
  expect(answer).toMatchObject({
    ranges: [
      { partition: 0, offset: 0, count: 1 },
      { partition: 7, offset: -1, error: { code: "UNKNOWN_TOPIC_OR_PARTITION" } },
    ],
  });
});

test("a request that is sent again with its idempotency key is stored once", async () => {
  const request = { topic: "once", records: [{ value: bytes("x") }], idempotencyKey: "k1" };
  const first = await log.call("append", request);
  const second = await log.call("append", request);
  expect([first, second]).toMatchObject([
    { duplicate: false, ranges: [{ offset: 0 }] },
    { duplicate: true, ranges: [{ offset: 0 }] },
  ]);
  const other = log.call("append", { ...request, records: [{ value: bytes("y") }] });
  expect(reasonOf((await other.catch((error: unknown) => error)) as ServiceError)).toBe(
    "IDEMPOTENCY_KEY_REUSED",
  );
});

test("an expected offset that is wrong tells both numbers", async () => {
  const request = { topic: "expected", records: [{ value: bytes("x"), partition: 0 }] };
  await log.call("append", { ...request, expectedOffset: 0 });
  const again = log.call("append", { ...request, expectedOffset: 0 });
  const error = (await again.catch((thrown: unknown) => thrown)) as ServiceError;
  expect(error.code).toBe(status.FAILED_PRECONDITION);
  expect(reasonOf(error)).toBe("OFFSET_MISMATCH");
});

test("topics, buckets and configs are administered", async () => {
  const made = await admin.call("ensureTopic", { name: "a.1", configs: { "retention.ms": "5" } });
  expect(made).toMatchObject({
    isNew: true,
    topic: { name: "a.1", configs: { "retention.ms": "5" } },
  });
  const again = { name: "a.1", mustBeNew: true };
  await expect(admin.call("ensureTopic", again)).rejects.toMatchObject({
    code: status.ALREADY_EXISTS,
  });
  const configs = [{ name: "retention.ms" }, { name: "segment.ms", value: "7" }];
  const changed = await admin.call("updateTopic", { name: "a.1", partitions: 2, configs });
  expect(changed).toMatchObject({
    topic: { configs: { "segment.ms": "7" }, partitions: [{}, {}] },
  });
  await admin.call("createBucket", { name: "a", configs: { "retention.ms": "9" } });
  expect(await admin.call("listBuckets", {})).toMatchObject({
    buckets: [{ name: "a", topics: 1 }],
  });
  const resource = { kind: "CONFIG_RESOURCE_KIND_TOPIC", name: "a.1" };
  const { configs: described } = (await admin.call("describeConfigs", { resource })) as unknown as {
    configs: { name: string; value: string; source: string }[];
  };
  expect(described.find(({ name }) => name === "retention.ms")).toMatchObject({
    value: "9",
    source: "bucket",
  });
  const page = await admin.call("listTopics", { prefix: "a", limit: 1 });
  expect(page).toMatchObject({ topics: [{ name: "a.1", partitions: 2 }], next: "" });
  await admin.call("deleteTopic", { name: "a.1" });
  await expect(admin.call("getTopic", { name: "a.1" })).rejects.toMatchObject({
    code: status.NOT_FOUND,
  });
  expect(await admin.call("getCluster", {})).toMatchObject({ nodeId: 1 });
});

test("health tells of the node and of each service", async () => {
  const client = new GrpcClient(broker.bootstrap, "grpc.health.v1.Health");
  for (const service of ["", "xylem.v1.LogService"]) {
    expect(await client.call("check", { service })).toEqual({ status: "SERVING" });
  }
  await expect(client.call("check", { service: "no" })).rejects.toMatchObject({
    code: status.NOT_FOUND,
  });
  client.close();
});

function offsetsOf(page: object): number[] {
  return (page as { records: { offset: number }[] }).records.map(({ offset }) => offset);
}
