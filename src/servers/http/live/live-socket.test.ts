import { afterEach, beforeEach, expect, test } from "vitest";
import { HttpDoor } from "../../../../test/support/http-door.ts";
import { SocketClient, type SocketMessage } from "../../../../test/support/socket-client.ts";
import { usedBytes } from "../../../../test/support/used-bytes.ts";

let door: HttpDoor;
let clients: SocketClient[];

beforeEach(async () => {
  clients = [];
  door = await HttpDoor.open(
    {
      "live.heartbeat.ms": 100,
      "live.slow.reader.ms": 300,
      "websocket.commands.max": 10,
      "websocket.connections.max": 3,
      "websocket.message.max.bytes": 10_000,
      "websocket.subscriptions.max": 3,
    },
    { origins: ["https://ui.example"] },
  );
});

afterEach(async () => {
  for (const client of clients) client.close();
  await door.close();
});

async function open(headers: Record<string, string> = {}): Promise<SocketClient> {
  const client = await SocketClient.open(`ws://127.0.0.1:${door.port}/v1/socket`, headers);
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

const subscribe = (subscription: string, ...topics: readonly string[]) => ({
  type: "subscribe",
  id: 1,
  subscription,
  topics,
});

const refused = (code: string, detail: string) => ({
  type: "reply",
  ok: false,
  error: { code, detail: expect.stringContaining(detail) as unknown },
});

async function nextRecords(client: SocketClient): Promise<SocketMessage> {
  for (;;) {
    const message = await client.next();
    if (message === undefined) throw new Error("closed");
    if (message.type === "records") return message;
  }
}

test("connect, write: the message arrives with what it is about and what it says", async () => {
  await makeTopic("orders");
  const client = await open();
  expect(await client.ask(subscribe("mine", "orders"))).toMatchObject({
    type: "reply",
    id: 1,
    ok: true,
    subscription: "mine",
    partitions: 1,
  });
  await append("orders", { total: 9 }, "?key=k");
  const message = await nextRecords(client);
  expect(message).toMatchObject({
    subscription: "mine",
    records: [{ topic: "orders", partition: 0, offset: 0, key: "k", value: { total: 9 } }],
  });
});

test("topics are added to an open socket and taken off it again", async () => {
  await makeTopic("orders");
  await makeTopic("carts");
  const client = await open();
  await client.ask(subscribe("a", "orders"));
  await client.ask(subscribe("b", "carts"));
  await append("carts", 1);
  expect(await nextRecords(client)).toMatchObject({ subscription: "b" });
  const told = await client.ask({ type: "unsubscribe", subscription: "b" });
  await append("carts", 2);
  await append("orders", 3);
  expect(await nextRecords(client)).toMatchObject({ subscription: "a", records: [{ value: 3 }] });
  await client.ask({ ...subscribe("again", "carts"), cursor: told.cursor });
  expect(await nextRecords(client)).toMatchObject({
    subscription: "again",
    records: [{ value: 2 }],
  });
});

test("a subscription goes on from a cursor on another socket", async () => {
  await makeTopic("orders", 3);
  const first = await open();
  await first.ask(subscribe("s", "orders"));
  await append("orders", 1, "?partition=0");
  const { cursor } = await nextRecords(first);
  first.close();
  await append("orders", 2, "?partition=2");
  const second = await open();
  await second.ask({ ...subscribe("s", "orders"), cursor });
  expect(await second.takeValues(1)).toEqual([2]);
});

test("no more records come than there are credits", async () => {
  await makeTopic("orders");
  for (let number = 1; number <= 5; number++) await append("orders", number);
  const client = await open();
  await client.ask({ ...subscribe("s", "orders:0:0"), credits: 2 });
  expect(await client.takeValues(2)).toEqual([1, 2]);
  for (const id of ["p", "q", "r"]) {
    expect((await client.ask({ type: "ping", id })).id).toBe(id);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(client.untakenCount).toBe(0);
  await client.ask({ type: "credit", subscription: "s", credits: 3 });
  expect(await client.takeValues(3)).toEqual([3, 4, 5]);
});

test("a filter leaves only what matches", async () => {
  await makeTopic("orders");
  const client = await open();
  const misspelt = { ...subscribe("s", "orders"), filter: { "jsn./state": "paid" } };
  expect(await client.ask(misspelt)).toMatchObject(refused("INVALID_REQUEST", "jsn./state"));
  await client.ask({ ...subscribe("s", "orders"), filter: { "json./state": "paid" } });
  await append("orders", { state: "open" });
  await append("orders", { state: "paid" });
  expect(await client.takeValues(1)).toEqual([{ state: "paid" }]);
});

test("appends are answered with their places, and keep their order", async () => {
  await makeTopic("orders");
  const client = await open();
  for (let number = 0; number < 200; number++) {
    client.send({ type: "append", id: number, topic: "orders", records: [{ value: number }] });
  }
  for (let number = 0; number < 200; number++) {
    const reply = await client.next();
    expect(reply).toMatchObject({ id: number, ok: true, records: [{ offset: number }] });
  }
});

test("values are kept digit for digit, and bytes come as base64", async () => {
  await makeTopic("orders");
  const client = await open();
  await client.ask(
    '{"type":"append","topic":"orders","records":[{"value":{"n":12345678901234567890}}]}',
  );
  const bytes = { value: "/w==", encoding: "base64", keyEncoding: "base64", key: "/g==" };
  await client.ask({ type: "append", topic: "orders", records: [bytes] });
  const told = await door.ask("GET", "/v1/topics/orders/partitions/0/records");
  expect(told.text).toContain('"value":{"n":12345678901234567890}');
  expect(told.text).toContain('"encoding":"base64","value":"/w=="');
});

test.each([
  ["{", "INVALID_REQUEST", "JSON"],
  [new Uint8Array([1]), "INVALID_REQUEST", "one JSON text"],
  [
    { type: "dance" },
    "INVALID_REQUEST",
    "subscribe, unsubscribe, credit, append, fetch, ack, leave, ping",
  ],
  [{ type: "ping", x: 1 }, "INVALID_REQUEST", "x"],
  [subscribe("s", "nothing"), "UNKNOWN_TOPIC_OR_PARTITION", "nothing"],
  [subscribe("s", "orders:9"), "UNKNOWN_TOPIC_OR_PARTITION", "9"],
  [subscribe("a", "orders"), "INVALID_REQUEST", "subscribed already"],
  [{ type: "unsubscribe", subscription: "x" }, "INVALID_REQUEST", "not subscribed"],
  [{ type: "append", topic: "a/b", records: [{ value: 1 }] }, "INVALID_TOPIC_EXCEPTION", "letters"],
  [
    { type: "append", topic: "orders", expectedOffset: 7, records: [{ value: 1, partition: 0 }] },
    "OFFSET_MISMATCH",
    "7",
  ],
])("%j is answered with an error, and the socket lives on", async (command, code, detail) => {
  await makeTopic("orders");
  const client = await open();
  await client.ask(subscribe("a", "orders"));
  expect(await client.ask(command)).toMatchObject(refused(code, detail));
  expect(await client.ask({ type: "ping" })).toMatchObject({ ok: true });
});

test("an append with an idempotency key is carried out once, on any socket", async () => {
  await makeTopic("orders");
  const command = { type: "append", topic: "orders", idempotencyKey: "k", records: [{ value: 1 }] };
  const first = await (await open()).ask(command);
  expect(first).toMatchObject({ ok: true, records: [{ offset: 0 }] });
  const second = await open();
  expect(await second.ask(command)).toEqual(first);
  expect(door.broker.topics.find("orders")?.partitions[0]?.end).toBe(1);
  const other = await second.ask({ ...command, records: [{ value: 2 }] });
  expect(other).toMatchObject(refused("IDEMPOTENCY_KEY_REUSED", "key"));
});

test("a request without an upgrade is told to upgrade", async () => {
  const { status, headers, json } = await door.askRaw("GET", "/v1/socket", {
    headers: { host: "localhost" },
  });
  expect([status, headers.get("upgrade")]).toEqual([426, "websocket"]);
  expect(json).toMatchObject({ status: 426, title: "Upgrade Required" });
});

test("subscriptions of a socket are limited, and places are given back", async () => {
  await makeTopic("orders");
  const client = await open();
  for (const name of ["a", "b", "c"]) await client.ask(subscribe(name, "orders"));
  expect(await client.ask(subscribe("d", "orders"))).toMatchObject(
    refused("INVALID_REQUEST", "websocket.subscriptions.max"),
  );
  await client.ask({ type: "unsubscribe", subscription: "a" });
  expect(await client.ask(subscribe("d", "orders"))).toMatchObject({ ok: true });
});

test("a deleted topic ends its subscription, not the socket", async () => {
  await makeTopic("orders");
  const client = await open();
  await client.ask(subscribe("s", "orders"));
  await door.ask("DELETE", "/v1/topics/orders");
  expect(await client.next()).toMatchObject({ type: "ended", subscription: "s", topic: "orders" });
  await makeTopic("orders");
  expect(await client.ask(subscribe("s", "orders"))).toMatchObject({ ok: true });
});

test("an idle socket is pinged and stays; who does not answer is given up", async () => {
  const client = await open();
  let pings = 0;
  client.socket.on("ping", () => (pings += 1));
  await expect.poll(() => pings, { timeout: 5_000 }).toBeGreaterThan(4);
  client.socket.pause();
  await expect.poll(() => door.http.connectionCount, { timeout: 5_000 }).toBe(0);
});

test("a message that is too large ends the socket with 1009", async () => {
  const client = await open();
  client.send({ type: "ping", id: "x".repeat(20_000) });
  expect(await client.closed()).toBe(1_009);
});

test("a peer that sends nothing but rubbish is cut off with 1008", async () => {
  const client = await open();
  for (let count = 0; count < 110; count++) client.send("rubbish");
  expect(await client.closed()).toBe(1_008);
});

test("a foreign page and a rebound host get no socket, a listed page does", async () => {
  await expect(open({ origin: "https://evil.example" })).rejects.toThrow("403");
  await expect(open({ host: "evil.example" })).rejects.toThrow("403");
  await expect(SocketClient.open(`ws://127.0.0.1:${door.port}/v1/topics`)).rejects.toThrow("404");
  const client = await open({ origin: "https://ui.example" });
  expect(await client.ask({ type: "ping" })).toMatchObject({ ok: true });
});

test("sockets are limited", async () => {
  for (let count = 0; count < 3; count++) await open();
  await expect(open()).rejects.toThrow("503");
});

test("a client that asks on and on without reading an answer is not read either", async () => {
  await door.close();
  door = await HttpDoor.open({ "websocket.commands.max": 10 });
  await makeTopic("orders");
  await append("orders", "x".repeat(500_000));
  const client = await open();
  const fetch = { type: "fetch", group: "g", topics: ["orders"], member: "m" };
  await client.ask(fetch);
  client.socket.pause();
  const usedBefore = usedBytes();
  for (let count = 0; count < 120; count++) client.send(fetch);
  let used = 0;
  const hasSettled = (): boolean => {
    const before = used;
    used = usedBytes();
    return Math.abs(used - before) < 100_000;
  };
  await expect.poll(hasSettled, { interval: 300, timeout: 20_000 }).toBe(true);
  expect(used - usedBefore).toBeLessThan(25_000_000);
  client.socket.resume();
  for (let count = 0; count < 120; count++) expect((await client.next())?.ok).toBe(true);
});

test("records that members fetch count with all answers that wait for their clients", async () => {
  await door.close();
  door = await HttpDoor.open({ "http.answers.memory.max.bytes": 100_000 });
  await makeTopic("orders");
  await append("orders", "x".repeat(60_000));
  const client = await open();
  const fetch = { type: "fetch", group: "g", topics: ["orders"], member: "m" };
  for (let count = 0; count < 4; count++)
    expect(await client.ask(fetch)).toMatchObject({ ok: true });
  await append("orders", "x".repeat(60_000));
  expect(await client.ask(fetch)).toMatchObject({
    ok: false,
    error: { status: 503, setting: "http.answers.memory.max.bytes" },
  });
});

test("a topic with a content type takes no other here either", async () => {
  await door.ask("PUT", "/v1/topics/strict", {
    body: { configs: { "content.type": "application/json" } },
  });
  const client = await open();
  const send = (record: object) =>
    client.ask({ type: "append", topic: "strict", records: [record] });
  expect(await send({ value: 1 })).toMatchObject({ ok: true });
  expect(await send({ value: "x", encoding: "text" })).toMatchObject({
    ok: false,
    error: { status: 415, wanted: "application/json" },
  });
});

test("the node stops: sockets close with 1001", async () => {
  const client = await open();
  const closing = door.http.close(1_000);
  expect(await client.closed()).toBe(1_001);
  await closing;
});

test("members of a group fetch and acknowledge; what was not comes again", async () => {
  await makeTopic("orders");
  for (let number = 1; number <= 4; number++) await append("orders", number);
  const fetch = { type: "fetch", group: "g", topics: ["orders"], max: 2 };
  const first = await open();
  const one = await first.ask({ ...fetch, wait: "5s" });
  expect(one).toMatchObject({ ok: true, joined: true, records: [{ value: 1 }, { value: 2 }] });
  const { member, cursor } = one;
  expect(await first.ask({ type: "ack", group: "g", member, cursor })).toMatchObject({
    ok: true,
    offsets: [{ topic: "orders", partition: 0, offset: 2 }],
  });
  await first.ask({ ...fetch, member });
  first.close();
  const second = await open();
  const again = await second.ask({ ...fetch, member });
  expect(again).toMatchObject({ joined: false, records: [{ value: 3 }, { value: 4 }] });
  expect(await second.ask({ type: "leave", group: "g", member })).toMatchObject({ ok: true });
  expect(await second.ask({ type: "ack", group: "g", member, cursor: again.cursor })).toMatchObject(
    refused("UNKNOWN_MEMBER_ID", ""),
  );
});
