import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RawConnection } from "./raw-connection.ts";

let server: Server;
let port: number;
let accepted: Promise<Socket>;

beforeEach(async () => {
  server = createServer().listen(0, "127.0.0.1");
  accepted = once(server, "connection").then(([socket]) => socket as Socket);
  await once(server, "listening");
  const address = server.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});

afterEach(() => {
  server.close();
});

test("a request that waits fails when the broker closes the connection", async () => {
  const connection = await RawConnection.open(port);
  const waiting = connection.request("Metadata", 12, { topics: null });
  (await accepted).destroy();
  await expect(waiting).rejects.toThrow("closed the connection");
});

test("a request on a closed connection fails at once instead of waiting for ever", async () => {
  const connection = await RawConnection.open(port);
  (await accepted).destroy();
  await connection.closed;
  const request = connection.request("Metadata", 12, { topics: null });
  await expect(request).rejects.toThrow("is closed");
});
