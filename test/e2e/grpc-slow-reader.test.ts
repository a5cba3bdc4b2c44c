import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestBroker } from "../../src/harness/index.ts";

let broker: TestBroker;
let session: ClientHttp2Session;

beforeEach(async () => {
  broker = await TestBroker.start({
    time: "stands",
    settings: { "grpc.memory.max.bytes": 1_100_000 },
  });
  session = connect(broker.url, { settings: { initialWindowSize: 0 } });
  session.on("error", () => undefined);
});

afterEach(async () => {
  session.destroy();
  await broker.close();
});

/** A message of the Connect protocol's streams. */
function envelope(message: object): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

const heldBytes = async (): Promise<number> => {
  const page = await (await fetch(`${broker.url}/metrics`)).text();
  return Number(/^xylem_grpc_held_bytes (\d+)/m.exec(page)?.[1]);
};

test("a subscriber that takes nothing is cut off, and gives back what it held", async () => {
  const orders = await broker.topic("orders");
  await orders.append({ value: "x".repeat(200_000) });
  const stuck = session.request({
    ":method": "POST",
    ":path": "/xylem.v1.LogService/Subscribe",
    "content-type": "application/connect+json",
    "connect-protocol-version": "1",
  });
  stuck.on("error", () => undefined);
  const subscriptions = [{ topic: "orders", position: { offset: "0" } }];
  stuck.end(envelope({ subscriptions, maxBytes: 1_000_000 }));
  await expect.poll(heldBytes, { timeout: 10_000 }).toBeGreaterThan(999_999);
  const closed = once(stuck, "close");
  await broker.clock.advance("31s");
  await closed;
  await expect.poll(heldBytes, { timeout: 10_000 }).toBe(0);
});

const callOf = (method: string): ReturnType<ClientHttp2Session["request"]> => {
  const call = session.request({
    ":method": "POST",
    ":path": `/xylem.v1.LogService/${method}`,
    "content-type": "application/json",
    "connect-protocol-version": "1",
  });
  call.on("error", () => undefined);
  return call;
};

test("who does not take the answer of a single call is cut off too", async () => {
  const orders = await broker.topic("orders");
  await orders.append({ value: "x".repeat(200_000) });
  const stuck = callOf("Read");
  stuck.end(JSON.stringify({ topic: "orders", position: { offset: "0" } }));
  const [head] = (await once(stuck, "response")) as [Record<string, unknown>];
  expect(head["x-request-id"]).toMatch(/-\d+$/);
  await expect.poll(heldBytes, { timeout: 10_000 }).toBeGreaterThan(199_999);
  const closed = once(stuck, "close");
  await broker.clock.advance("31s");
  await closed;
  await expect.poll(heldBytes, { timeout: 10_000 }).toBe(0);
});

test("who never ends a request does not keep the memory of calls", async () => {
  const stuck = callOf("Append");
  stuck.write(JSON.stringify({ topic: "orders", records: [] }).padEnd(200_000));
  await expect.poll(heldBytes, { timeout: 10_000 }).toBe(200_000);
  const closed = once(stuck, "close");
  await broker.clock.advance("31s");
  await closed;
  await expect.poll(heldBytes, { timeout: 10_000 }).toBe(0);
});

test("a compressed request counts as what it is opened to, until it is answered", async () => {
  await broker.topic("orders");
  const headers = { "content-encoding": "gzip", "content-type": "application/json" };
  const append = (sizeBytes: number): Promise<Response> => {
    const value = Buffer.alloc(sizeBytes, "x").toString("base64");
    const body = gzipSync(JSON.stringify({ topic: "orders", records: [{ value }] }));
    expect(body.length).toBeLessThan(5_000);
    return fetch(`${broker.url}/xylem.v1.LogService/Append`, { method: "POST", headers, body });
  };
  expect((await append(500_000)).status).toBe(200);
  const refused = await append(1_200_000);
  expect(refused.status).toBe(429);
  expect(await refused.text()).toContain("grpc.memory.max.bytes");
  await expect.poll(heldBytes).toBe(0);
});
