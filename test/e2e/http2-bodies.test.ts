import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestBroker } from "../../src/harness/index.ts";

const bodiesMax = 2_000;
let broker: TestBroker;
let session: ClientHttp2Session;

beforeEach(async () => {
  const settings = {
    "http.request.max.bytes": bodiesMax,
    "http.requests.memory.max.bytes": bodiesMax,
  };
  broker = await TestBroker.start({ time: "stands", settings });
  session = connect(broker.url);
  session.on("error", () => undefined);
});

afterEach(async () => {
  session.destroy();
  await broker.close();
});

const append = (body: string) =>
  fetch(`${broker.url}/v1/topics/orders/records`, { method: "POST", body });

test("who never ends a body over HTTP/2 does not keep its place", async () => {
  const stuck = session.request({
    ":method": "POST",
    ":path": "/v1/topics/orders/records",
    "content-length": String(bodiesMax),
  });
  stuck.on("error", () => undefined);
  stuck.write("x".repeat(bodiesMax - 1));
  await broker.trace.until({ kind: "call" });
  await expect.poll(async () => (await append("yy")).status).toBe(503);
  const closed = once(stuck, "close");
  await broker.clock.advance("31s");
  await closed;
  expect((await append("yy")).status).toBe(201);
});
