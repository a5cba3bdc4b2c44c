import { createServer, connect, type AddressInfo, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, expect, test } from "vitest";
import type { Log } from "../base/log.ts";
import { silentLog } from "../base/log.ts";
import { ConnectionCount } from "./connection-count.ts";
import { ListeningPort, type ListeningOptions } from "./listening-port.ts";
import { systemClock } from "./system-clock.ts";

const opened: ListeningPort[] = [];
const taken: { door: string; head: string }[] = [];
const warnings: string[] = [];
const log: Log = { ...silentLog, warn: (message) => warnings.push(message) };

const doors = {
  kafka: (socket: Socket, head: Uint8Array): void => {
    taken.push({ door: "kafka", head: Buffer.from(head).toString("latin1") });
    socket.end("kafka");
  },
  http: (socket: Socket): void => takeWeb(socket, "http"),
  http2: (socket: Socket): void => takeWeb(socket, "http2"),
  peer: (socket: Socket, head: Uint8Array): void => {
    taken.push({ door: "peer", head: Buffer.from(head).toString("latin1") });
    socket.end("peer");
  },
};

function takeWeb(socket: Socket, door: string): void {
  const head: unknown = socket.read();
  taken.push({ door, head: String(head) });
  socket.end(door);
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

async function open(change: Partial<ListeningOptions> = {}): Promise<ListeningPort> {
  const options = {
    host: "127.0.0.1",
    port: 0,
    setupTimeoutMs: 10_000,
    clock: systemClock,
    doors: new Set(["kafka", "http", "grpc"] as const),
    connections: new ConnectionCount(() => 100),
    backlogConnections: 100,
    ...change,
  };
  const port = await ListeningPort.open(options, doors, log);
  opened.push(port);
  return port;
}

/** What comes back before the node closes; writes are sent one by one. */
async function talk(port: number, writes: readonly string[], host = "127.0.0.1"): Promise<string> {
  const socket = connect({ port, host, noDelay: true });
  let answer = "";
  socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.on("error", () => {});
  for (const text of writes) {
    socket.write(Buffer.from(text, "latin1"));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await closed;
  return answer;
}

afterEach(() => {
  for (const port of opened.splice(0)) port.close();
  taken.length = 0;
  warnings.length = 0;
});

test("Kafka, HTTP and HTTP/2 share the port, on IPv4 and on IPv6", async () => {
  const { port } = await open();
  expect(await talk(port, ["\0\0\0\x10"])).toBe("kafka");
  expect(await talk(port, ["GET / HTTP/1.1\r\n"], "::1")).toBe("http");
  expect(await talk(port, [preface])).toBe("http2");
  expect(taken).toEqual([
    { door: "kafka", head: "\0\0\0\x10" },
    { door: "http", head: "GET / HTTP/1.1\r\n" },
    { door: "http2", head: preface },
  ]);
});

test("in a cluster the first byte 0x01 leads to the links between nodes", async () => {
  const { port } = await open({ doors: new Set(["kafka", "http", "peer"] as const) });
  expect(await talk(port, ["\x01XYLM"])).toBe("peer");
  expect(taken).toEqual([{ door: "peer", head: "\x01XYLM" }]);
});

test("a method that arrives letter by letter is told once it differs from PRI", async () => {
  const { port } = await open();
  expect(await talk(port, ["P", "R", "O", "PFIND"])).toBe("http");
  expect(taken[0]?.head).toMatch(/^PRO/);
});

test("a preface that arrives in pieces is told when it is whole", async () => {
  const { port } = await open();
  expect(await talk(port, ["PRI * HT", "TP/2.0\r\n", "\r\nSM\r\n\r\n"])).toBe("http2");
  expect(taken).toEqual([{ door: "http2", head: preface }]);
});

test("a TLS client gets the alert handshake_failure before the end", async () => {
  const { port } = await open();
  expect(await talk(port, ["\x16\x03\x01\x02\x00"])).toBe("\x15\x03\x03\x00\x02\x02\x28");
  expect(warnings.join()).toContain("TLS");
});

test("Node's own TLS client says that the handshake failed", async () => {
  const { port } = await open();
  const socket = connectTls({ port, host: "127.0.0.1" });
  const error = await new Promise<Error>((resolve) => socket.once("error", resolve));
  expect(error.message).toMatch(/handshake failure/);
});

test.each([
  ["a preface that goes wrong", "PRI * HTTP/3.0\r\n", "first bytes"],
  ["a peer link", "\x01xylem", "nodes"],
  ["noise", "\xff\xff", "first bytes"],
])("%s is closed with a log line that says why", async (_name, bytes, word) => {
  const { port } = await open();
  expect(await talk(port, [bytes])).toBe("");
  expect(warnings.join()).toContain(word);
  expect(taken).toEqual([]);
});

test.each([
  ["silence", []],
  ["one byte", ["P"]],
  ["half a preface", ["PRI * HTTP/2.0"]],
  ["bytes that drip", ["P", "R", "I", " ", "*"]],
])("%s is cut off when the time for saying what it is is over", async (_name, writes) => {
  const { port } = await open({ setupTimeoutMs: 60 });
  const startedMs = performance.now();
  expect(await talk(port, writes)).toBe("");
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  expect(taken).toEqual([]);
});

test.each([
  ["http", "GET / HTTP/1.1\r\n", "HTTP is not served"],
  ["http", preface, "HTTP/2 is not served"],
  ["kafka", "\0\0\0\x10", "Kafka is not served"],
] as const)("without the door %s its clients are closed with a line", async (door, head, words) => {
  const others = (["kafka", "http"] as const).filter((one) => one !== door);
  const { port } = await open({ doors: new Set(others) });
  expect(await talk(port, [head])).toBe("");
  expect(warnings.join()).toContain(words);
});

test("past max.connections a new connection is closed, the old ones stay", async () => {
  const listening = await open({ connections: new ConnectionCount(() => 1) });
  const first = connect(listening.port, "127.0.0.1");
  await new Promise((resolve) => first.once("connect", resolve));
  expect(await talk(listening.port, ["GET /"])).toBe("");
  expect(warnings.join()).toContain("max.connections");
  first.resume().write("GET /");
  await new Promise((resolve) => first.once("close", resolve));
  expect(taken).toHaveLength(1);
});

test("a taken port is named in the error", async () => {
  const { port } = await open();
  await expect(open({ port })).rejects.toThrow(`port ${port} on 127.0.0.1 is in use`);
});

test("a port taken on ::1 alone is named too", async () => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, "::1", resolve));
  const { port } = blocker.address() as AddressInfo;
  await expect(open({ port })).rejects.toThrow(`port ${port} on ::1 is in use`);
  blocker.close();
});

test("an address of another machine is named in the error", async () => {
  await expect(open({ host: "192.0.2.1" })).rejects.toThrow("192.0.2.1 is not an address");
});
