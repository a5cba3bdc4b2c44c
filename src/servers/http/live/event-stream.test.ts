import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EventClient, type SeenEvent } from "../../../../test/support/event-client.ts";
import { HttpDoor } from "../../../../test/support/http-door.ts";

let door: HttpDoor;
let clients: EventClient[];

beforeEach(async () => {
  clients = [];
  door = await HttpDoor.open({ "live.heartbeat.ms": 100, "live.slow.reader.ms": 300 });
});

afterEach(async () => {
  for (const client of clients) client.close();
  await door.close();
});

async function open(query: string, headers: Record<string, string> = {}): Promise<EventClient> {
  const client = await EventClient.open(`${door.url}/v1/records?${query}`, headers);
  clients.push(client);
  return client;
}

const append = (topic: string, value: unknown, query = "") =>
  door.ask("POST", `/v1/topics/${topic}/records${query}`, {
    body: JSON.stringify(value),
    headers: { "content-type": "application/json" },
  });

const makeTopic = (topic: string, partitions = 1) =>
  door.ask("PUT", `/v1/topics/${topic}`, { body: { partitions } });

const valuesOf = (events: readonly SeenEvent[]): unknown[] =>
  events.map(({ data }) => (data as { value: unknown }).value);

const byNumber = (one: unknown, other: unknown): number => Number(one) - Number(other);

test("what is written arrives as an event with everything of the record", async () => {
  await makeTopic("orders");
  const client = await open("topic=orders");
  const { headers } = client.response;
  expect(headers.get("content-type")).toBe("text/event-stream");
  expect(headers.get("x-accel-buffering")).toBe("no");
  await append("orders", { total: 9 }, "?key=k");
  const [event] = await client.take(1);
  expect(event?.name).toBe("message");
  expect(event?.data).toMatchObject({
    topic: "orders",
    partition: 0,
    offset: 0,
    key: "k",
    encoding: "json",
    value: { total: 9 },
  });
  expect(client.retryMs).toBe(1_000);
});

test("five are written: who follows from the third gets three, and then the sixth", async () => {
  await makeTopic("orders");
  for (let number = 1; number <= 5; number++) await append("orders", { number });
  const client = await open("topic=orders:0:2");
  const stored = await client.take(3);
  await append("orders", { number: 6 });
  const events = [...stored, ...(await client.take(1))];
  expect(valuesOf(events)).toEqual([3, 4, 5, 6].map((number) => ({ number })));
});

test("a client that comes back with the last id goes on there, whatever its URL says", async () => {
  await makeTopic("orders", 3);
  await makeTopic("carts");
  const query = "topic=orders&topic=carts&from=latest";
  const first = await open(query);
  await append("orders", 1, "?partition=0");
  await append("carts", 2);
  await append("orders", 3, "?partition=2");
  const seen = await first.take(2);
  first.close();
  await append("orders", 4, "?partition=1");
  const second = await open(query, { "last-event-id": seen.at(-1)?.id ?? "" });
  const rest = await second.take(2);
  expect(valuesOf([...seen, ...rest]).toSorted(byNumber)).toEqual([1, 2, 3, 4]);
});

test("who is cut off in the middle of a batch goes on in the middle of it", async () => {
  await makeTopic("orders");
  const headers = { "content-type": "application/x-ndjson" };
  await door.ask("POST", "/v1/topics/orders/records", { headers, body: "1\n2\n3\n4\n" });
  const first = await open("topic=orders&from=earliest");
  const [, second] = await first.take(2);
  first.close();
  const resumed = await open("topic=orders", { "last-event-id": second?.id ?? "" });
  expect(valuesOf(await resumed.take(2))).toEqual(["3", "4"]);
});

test("who is cut off before the first event misses nothing", async () => {
  await makeTopic("orders");
  const first = await open("topic=orders");
  await first.idle();
  first.close();
  await append("orders", 1);
  const second = await open("topic=orders", { "last-event-id": first.lastEventId });
  expect(valuesOf(await second.take(1))).toEqual([1]);
});

test("a filter leaves only what matches, and the silent cursor moves on", async () => {
  await makeTopic("orders");
  const client = await open("topic=orders&json./state=paid");
  await client.idle();
  const { lastEventId } = client;
  await append("orders", { state: "open" });
  while (client.lastEventId === lastEventId) await client.idle();
  await append("orders", { state: "paid" });
  expect(valuesOf(await client.take(1))).toEqual([{ state: "paid" }]);
});

test("silence is broken by comments", async () => {
  await makeTopic("orders");
  const client = await open("topic=orders");
  while (client.commentCount < 2) await client.idle();
});

test("records that retention has taken are told as moved", async () => {
  await makeTopic("orders");
  for (let number = 1; number <= 3; number++) await append("orders", number);
  await door.broker.topics.find("orders")?.partitions[0]?.deleteRecordsBefore(2);
  const client = await open("topic=orders:0:1");
  const events = await client.take(2);
  expect(events.map(({ name }) => name)).toEqual(["moved", "message"]);
  expect(events[0]?.data).toEqual({ topic: "orders", partition: 0, from: 1, to: 2 });
});

test("a deleted topic is told as ended; with the last one the stream ends", async () => {
  await makeTopic("orders");
  await makeTopic("carts");
  const client = await open("topic=orders&topic=carts");
  await door.ask("DELETE", "/v1/topics/orders");
  const [ended] = await client.take(1);
  expect(ended).toMatchObject({ name: "ended", data: { topic: "orders" } });
  await append("carts", 1);
  expect(valuesOf(await client.take(1))).toEqual([1]);
  await door.ask("DELETE", "/v1/topics/carts");
  expect((await client.next())?.name).toBe("ended");
  expect(await client.next()).toBeUndefined();
});

test.each([
  ["topic=nothing", 404, "nothing"],
  ["topic=a:x", 400, "TOPIC:PARTITION"],
  ["topic=orders&from=soon", 400, "position"],
  ["topic=orders&cursor=c9", 400, "cursor"],
  ["topic=orders&topic=orders", 400, "followed already"],
  ["topic=wide", 400, "/v1/socket"],
  ["", 400, "topic is missing"],
])("%s is refused with %i", async (query, status, detail) => {
  await makeTopic("orders");
  await makeTopic("wide", 257);
  const accept = { accept: "text/event-stream" };
  const told = await door.ask("GET", `/v1/records?${query}`, { headers: accept });
  expect([told.status, told.json]).toMatchObject([
    status,
    { detail: expect.stringContaining(detail) as unknown },
  ]);
  expect(door.broker.topics.find("nothing")).toBeUndefined();
});

/** A client that asks and then takes nothing, though there is more than fits on the way to it. */
async function openStuck(): Promise<Socket> {
  await makeTopic("orders");
  const socket = connect(door.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(
    "GET /v1/records?topic=orders HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
  );
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  const value = "x".repeat(500_000);
  for (let count = 0; count < 40; count++) await append("orders", value);
  return socket;
}

test("a node that stops does not wait for a reader that takes nothing", async () => {
  await door.close();
  door = await HttpDoor.open();
  const socket = await openStuck();
  await door.http.close(60_000);
  socket.destroy();
});

test("a reader that takes nothing is cut off", async () => {
  const socket = await openStuck();
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await expect.poll(() => door.http.connectionCount, { timeout: 5_000 }).toBeLessThan(2);
  socket.resume();
  await closed;
});

test("the node stops: streams end at once", async () => {
  await makeTopic("orders");
  const client = await open("topic=orders");
  await client.idle();
  const closing = door.http.close(60_000);
  expect(await client.next()).toBeUndefined();
  await closing;
});
