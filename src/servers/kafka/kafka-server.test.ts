import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { KafkaDoor } from "../../../test/support/memory-broker.ts";
import { batchOf, RawClient, recordsOf, textOf } from "../../../test/support/raw-client.ts";
import { RawConnection } from "../../../test/support/raw-connection.ts";
import { waitUntil } from "../../../test/support/wait-until.ts";
import { VirtualClock } from "../../base/virtual-clock.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";

let door: KafkaDoor;

afterEach(() => door.close());

async function openDoor(settings: Partial<NodeSettings> = {}): Promise<RawClient> {
  door = await KafkaDoor.open(settings);
  const client = await RawClient.open(door.port);
  await client.createTopic("orders", { partitions: 2 });
  return client;
}

async function openSocket(): Promise<Socket> {
  const socket = connect(door.port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Resolves with everything received once the broker has closed the connection. */
function closed(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => socket.once("close", () => resolve(Buffer.concat(chunks))));
}

function frame(hex: string): Buffer {
  const body = Buffer.from(hex.replaceAll(" ", ""), "hex");
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
}

const refusals = () => door.log.lines.filter(({ message }) => message.includes("closed"));

test("records go in and come out, over one connection", async () => {
  const client = await openDoor();
  const produced = await client.produce(["orders", 0], batchOf(["one", "two"]));
  expect(produced).toMatchObject({ errorCode: 0, baseOffset: 0 });
  const { records, highWatermark } = await client.fetch(["orders", 0], 0);
  expect(recordsOf(records).map(({ value }) => textOf(value))).toEqual(["one", "two"]);
  expect(highWatermark).toBe(2);
});

test("requests behind a waiting fetch are executed, and answered after it", async () => {
  const client = await openDoor();
  const answered: string[] = [];
  const fetched = client.fetch(["orders", 0], 0, { waitMs: 30_000 });
  const produced = client.produce(["orders", 0], batchOf(["wakes the fetch"]));
  void fetched.then(() => answered.push("fetch"));
  void produced.then(() => answered.push("produce"));
  expect(recordsOf((await fetched).records)).toHaveLength(1);
  expect((await produced).baseOffset).toBe(0);
  expect(answered).toEqual(["fetch", "produce"]);
});

test("pipelined produces take the order in which they were sent", async () => {
  const client = await openDoor();
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, at) => client.produce(["orders", 0], batchOf([`${at}`]))),
  );
  expect(answers.map(({ baseOffset }) => baseOffset)).toEqual(answers.map((_, at) => at));
  const texts = (await client.readAll(["orders", 0])).map(({ value }) => textOf(value));
  expect(texts).toEqual(answers.map((_, at) => `${at}`));
});

test("what asks for offsets behind produces sees them committed", async () => {
  const client = await openDoor();
  void client.produce(["orders", 0], batchOf(["a", "b", "c"]));
  expect((await client.listOffset(["orders", 0], -1)).offset).toBe(3);
});

test("acks=0 gets no answer, and the next request does", async () => {
  const client = await openDoor();
  client.produceUnacknowledged(["orders", 0], batchOf(["quiet"]));
  expect((await client.produce(["orders", 0], batchOf(["loud"]))).baseOffset).toBe(1);
});

test("acks=0 that fails closes the connection with one log line", async () => {
  const client = await openDoor();
  client.produceUnacknowledged(["unknown", 0], batchOf(["quiet"]));
  await expect(client.produce(["orders", 0], batchOf(["late"]))).rejects.toThrow(/clos/);
  expect(refusals()).toHaveLength(1);
  expect(refusals()[0]?.fields["reason"]).toContain("UNKNOWN_TOPIC_OR_PARTITION");
});

test("an unknown ApiVersions version is answered in version 0 with our range", async () => {
  await openDoor();
  const socket = await openSocket();
  socket.write(frame("0012 0063 0000002a 0002 6162"));
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString("hex")).toBe("00000010" + "0000002a" + "0023" + "00000001001200000004");
  socket.destroy();
});

test("ApiVersions refuses software names that could not be written into a log", async () => {
  await openDoor();
  const connection = await RawConnection.open(door.port);
  const ask = (clientSoftwareName: string) =>
    connection.request("ApiVersions", 3, { clientSoftwareName, clientSoftwareVersion: "1.0" });
  expect((await ask("good-name")).errorCode).toBe(0);
  expect((await ask("bad name\n")).errorCode).toBe(42);
  expect((await ask("")).errorCode).toBe(42);
  connection.close();
});

test("other unknown versions and keys close the connection and name the client", async () => {
  await openDoor();
  for (const [hex, reason] of [
    ["0000 0002 0000002a 0002 6162", "Produce version 2"],
    ["0003 0063 0000002a 0002 6162", "Metadata version 99"],
    ["00c8 0000 0000002a 0002 6162", "API key 200"],
  ] as const) {
    const socket = await openSocket();
    socket.write(frame(hex));
    expect((await closed(socket)).length).toBe(0);
    const line = refusals().at(-1);
    expect(line?.fields["reason"]).toContain(reason);
    expect(`${line?.fields["client"]}${line?.fields["reason"]}`).toContain("ab");
  }
  expect(refusals()).toHaveLength(3);
});

test("a frame larger than socket.request.max.bytes closes its connection alone", async () => {
  const neighbour = await openDoor({ "socket.request.max.bytes": 1_000 });
  const socket = await openSocket();
  socket.write(Buffer.from("000003e9", "hex"));
  await closed(socket);
  expect(refusals()).toHaveLength(1);
  expect((await neighbour.listOffset(["orders", 0], -1)).errorCode).toBe(0);
});

test("what was read before a malformed request is still answered", async () => {
  await openDoor();
  const socket = await openSocket();
  const received = closed(socket);
  socket.write(Buffer.concat([frame("0012 0000 00000007 ffff"), frame("0003 0001 00000008 ffff")]));
  expect((await received).readInt32BE(4)).toBe(7);
  expect(refusals()[0]?.fields).toMatchObject({ api: "Metadata", apiVersion: 1 });
});

test("a fetch waits no longer than its connection lives", async () => {
  const client = await openDoor();
  void client.fetch(["orders", 0], 0, { waitMs: 60_000 }).catch(() => {});
  await waitUntil("the fetch waits", () => door.broker.deadlines.count === 1);
  client.close();
  await waitUntil("the fetch is gone", () => door.broker.deadlines.count === 0);
  await waitUntil("the connection is gone", () => door.kafka.connectionCount === 0);
  expect(door.kafka.requestBytes).toBe(0);
});

test("closing the door answers waiting fetches and everything that was read", async () => {
  const client = await openDoor();
  const fetched = client.fetch(["orders", 0], 0, { waitMs: 60_000 });
  const produced = client.produce(["orders", 1], batchOf(["last"]));
  await waitUntil("the fetch waits", () => door.broker.deadlines.count === 1);
  await door.kafka.close(5_000);
  expect((await fetched).errorCode).toBe(0);
  expect((await produced).baseOffset).toBe(0);
  expect(door.kafka.connectionCount).toBe(0);
});

test("idle connections are closed, those with a request under way are not", async () => {
  const client = await openDoor({ "connections.max.idle.ms": 100 });
  const idle = await openSocket();
  const fetched = client.fetch(["orders", 0], 0, { waitMs: 400 });
  await closed(idle);
  expect((await fetched).errorCode).toBe(0);
});

test("an answer that was long in coming is no silence", async () => {
  const clock = new VirtualClock();
  door = await KafkaDoor.open({ "connections.max.idle.ms": 600_000 }, clock);
  const client = await RawClient.open(door.port);
  await client.createTopic("orders");
  const fetched = client.fetch(["orders", 0], 0, { waitMs: 700_000 });
  await waitUntil("the fetch waits", () => door.broker.deadlines.count === 1);
  await clock.advance(700_000);
  await fetched;
  await clock.advance(60_000);
  expect((await client.listOffset(["orders", 0], -1)).errorCode).toBe(0);
});

test("a client that does not read its answers is not read either", async () => {
  const client = await openDoor({
    "queued.max.response.bytes": 1_048_576,
    "fetch.max.bytes": 1_048_576,
  });
  const value = new Uint8Array(900_000);
  await client.produce(["orders", 0], batchOf([{ value }]));
  const socket = await openSocket();
  socket.pause();
  const request = fetchFrame();
  for (let count = 0; count < 400; count++) socket.write(request);
  await waitUntil("answers pile up", () => door.kafka.traffic.bytesOut > 1_000_000);
  await new Promise((resolve) => setTimeout(resolve, 200));
  // What the sockets' own buffers take, and one answer more, has left; not all 400.
  expect(door.kafka.traffic.bytesOut).toBeLessThan(40_000_000);
  let received = 0;
  socket.on("data", (chunk: Buffer) => (received += chunk.length));
  socket.resume();
  expect(door.kafka.answerBytes).toBeGreaterThan(0);
  await waitUntil("all answers arrive", () => received > 400 * 900_000, 30_000);
  await waitUntil("nothing is held for it", () => door.kafka.answerBytes === 0);
  socket.destroy();
});

test("past fetch.memory.max.bytes a client that reads nothing gets one batch", async () => {
  const memory = { "fetch.memory.max.bytes": 4_194_304, "fetch.max.bytes": 1_048_576 };
  const client = await openDoor(memory);
  const value = new Uint8Array(900_000);
  await client.produce(["orders", 0], batchOf([{ value }]));
  const sockets = await Promise.all(Array.from({ length: 4 }, openSocket));
  let received = 0;
  for (const socket of sockets) {
    socket.pause();
    for (let count = 0; count < 50; count++) socket.write(fetchFrame());
    socket.on("data", (chunk: Buffer) => (received += chunk.length));
  }
  let highest = 0;
  for (let look = 0; look < 50; look++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    highest = Math.max(highest, door.kafka.answerBytes);
  }
  expect(highest).toBeGreaterThan(memory["fetch.memory.max.bytes"]);
  expect(highest).toBeLessThan(memory["fetch.memory.max.bytes"] + 5 * 1_048_576);
  for (const socket of sockets) socket.resume();
  await waitUntil("all answers arrive", () => received > 200 * 900_000, 30_000);
  await waitUntil("nothing is held", () => door.kafka.answerBytes === 0);
  for (const socket of sockets) socket.destroy();
});

/** Fetch version 4 of orders-0 from offset 0. */
function fetchFrame(): Buffer {
  const topic = "0006" + Buffer.from("orders").toString("hex");
  const partition = "00000000" + "0000000000000000" + "00100000";
  return frame(
    "0001 0004 00000001 ffff" +
      "ffffffff 00000000 00000001 00100000 00" +
      "00000001" +
      topic +
      "00000001" +
      partition,
  );
}
