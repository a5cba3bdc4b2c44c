import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";

let broker: Xylem;
let sessions: ClientHttp2Session[];

beforeEach(async () => {
  broker = await Xylem.start({ settings: { "shutdown.grace.ms": 3_600_000 } });
  sessions = [];
});

afterEach(async () => {
  for (const session of sessions) session.destroy();
  await broker.close();
});

function open(): ClientHttp2Session {
  const session = connect(broker.url);
  session.on("error", () => undefined);
  sessions.push(session);
  return session;
}

test("events come over HTTP/2, and a reader that takes nothing holds up nobody", async () => {
  const orders = await broker.topic("orders");
  const headers = { ":path": "/v1/records?topic=orders", accept: "text/event-stream" };
  const stuck = open().request(headers);
  stuck.on("error", () => undefined);
  await new Promise((resolve) => stuck.once("response", resolve));
  stuck.pause();
  const stream = open().request(headers);
  stream.setEncoding("utf8");
  let text = "";
  stream.on("data", (chunk) => (text += chunk));
  await new Promise((resolve) => stream.once("response", resolve));
  const value = "x".repeat(100_000);
  for (let number = 0; number < 20; number++) await orders.append({ value });
  await expect.poll(() => text.match(/^data: /gm)?.length, { timeout: 60_000 }).toBe(20);
  expect(text).toMatch(/^retry: 1000\nid: /);
  // Did it wait for the stuck reader, it would take all of its grace.
  await broker.close();
});

test("no WebSocket is to be had over HTTP/2: 426, without a word on the connection", async () => {
  const stream = open().request({ ":path": "/v1/socket" });
  const [told] = (await once(stream, "response")) as [Record<string, unknown>];
  expect(told).toMatchObject({ ":status": 426, "content-type": "application/problem+json" });
  expect(Object.keys(told)).not.toContain("upgrade");
  stream.close();
});
