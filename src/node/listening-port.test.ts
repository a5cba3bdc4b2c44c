import { createServer, connect, type AddressInfo, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { Log } from "../base/log.ts";
import { silentLog } from "../base/log.ts";
import { ListeningPort, type ListeningOptions } from "./listening-port.ts";

const opened: ListeningPort[] = [];
const taken: { door: string; head: string }[] = [];
const warnings: string[] = [];
const log: Log = { ...silentLog, warn: (message) => warnings.push(message) };

const doors = {
  kafka: (socket: Socket, head: Uint8Array): void => {
    taken.push({ door: "kafka", head: Buffer.from(head).toString("latin1") });
    socket.end("kafka");
  },
  http: (socket: Socket): void => {
    const head: unknown = socket.read();
    taken.push({ door: "http", head: String(head) });
    socket.end("http");
  },
};

async function open(change: Partial<ListeningOptions> = {}): Promise<ListeningPort> {
  const options = {
    host: "127.0.0.1",
    port: 0,
    setupTimeoutMs: 10_000,
    connectionsMax: () => 100,
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

test("Kafka and HTTP share the port, on IPv4 and on IPv6", async () => {
  const { port } = await open();
  expect(await talk(port, ["\0\0\0\x10"])).toBe("kafka");
  expect(await talk(port, ["GET / HTTP/1.1\r\n"], "::1")).toBe("http");
  expect(taken).toEqual([
    { door: "kafka", head: "\0\0\0\x10" },
    { door: "http", head: "GET / HTTP/1.1\r\n" },
  ]);
});

test("a method that arrives letter by letter is told once it differs from PRI", async () => {
  const { port } = await open();
  expect(await talk(port, ["P", "R", "O", "PFIND"])).toBe("http");
  expect(taken[0]?.head).toMatch(/^PRO/);
});

test.each([
  ["TLS", "\x16\x03\x01", "TLS"],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2"],
  ["a peer link", "\x01xylem", "nodes"],
  ["noise", "\xff\xff", "first bytes"],
])("%s is closed with a log line that says why", async (_name, bytes, word) => {
  const { port } = await open();
  expect(await talk(port, [bytes])).toBe("");
  expect(warnings.join()).toContain(word);
  expect(taken).toEqual([]);
});

test("a peer that says nothing is closed", async () => {
  const { port } = await open({ setupTimeoutMs: 50 });
  expect(await talk(port, [])).toBe("");
});

test("past max.connections a new connection is closed, the old ones stay", async () => {
  const listening = await open({ connectionsMax: () => 1 });
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
