import { Duplex } from "node:stream";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { LazyPart } from "./lazy-part.ts";

const untold = (): void => expect.unreachable();
const socketOf = (): Socket => new Duplex({ read() {}, write() {} }) as unknown as Socket;

test("it is loaded once, by the first who knocks, and serves all", async () => {
  let loads = 0;
  const door = new LazyPart(async () => ({ id: (loads += 1) }), untold);
  expect(door.server).toBeUndefined();
  const served: number[] = [];
  door.pass(socketOf(), ({ id }) => served.push(id));
  door.pass(socketOf(), ({ id }) => served.push(id));
  await door.open();
  door.pass(socketOf(), ({ id }) => served.push(id));
  expect([loads, served]).toEqual([1, [1, 1, 1]]);
});

test("who left while it was loading is not served", async () => {
  const door = new LazyPart(async () => "server", untold);
  const socket = socketOf();
  door.pass(socket, () => expect.unreachable());
  socket.destroy();
  await door.open();
});

test("a closed door opens no more; what was open is closed", async () => {
  const closed: string[] = [];
  const door = new LazyPart(async () => "server", untold);
  await door.close(async () => expect.unreachable());
  await expect(door.open()).rejects.toThrow("stopping");
  const open = new LazyPart(async () => "server", untold);
  void open.open();
  await open.close(async (server) => void closed.push(server));
  expect(closed).toEqual(["server"]);
});

test("a door that does not load says why, drops the connection and tries again", async () => {
  const told: unknown[] = [];
  const loads = [Promise.reject(new Error("no such file")), Promise.resolve("server")];
  loads[0]?.catch(() => undefined);
  const door = new LazyPart(
    () => loads.shift() as Promise<string>,
    (error) => told.push(error),
  );
  const socket = socketOf();
  const closed = new Promise((resolve) => socket.once("close", resolve));
  door.pass(socket, () => expect.unreachable());
  await closed;
  expect(told).toEqual([new Error("no such file")]);
  expect(await door.open()).toBe("server");
});

test("a door that did not load closes like one that nobody knocked at", async () => {
  const door = new LazyPart(
    () => Promise.reject(new Error("no such file")),
    () => undefined,
  );
  await expect(door.open()).rejects.toThrow("no such file");
  await door.close(async () => expect.unreachable());
});
