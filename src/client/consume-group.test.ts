import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { XylemClient } from "./xylem-client.ts";

let server: Server;
let fetchCount: number;

/** A node that stops answers at once what it would wait for otherwise. */
beforeEach(async () => {
  fetchCount = 0;
  server = createServer((request, response) => {
    if (request.url?.endsWith("/fetch") === true) fetchCount += 1;
    const answer = {
      records: [],
      member: "m",
      epoch: 1,
      joined: false,
      assignment: [],
      offsets: [],
    };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

test("a node that answers nothing before its time is asked at growing distances", async () => {
  const { port } = server.address() as AddressInfo;
  const client = new XylemClient(`http://127.0.0.1:${port}`);
  const stop = new AbortController();
  const consuming = client.groups.consume(
    "g",
    { topics: ["t"], signal: stop.signal },
    () => undefined,
  );
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  stop.abort();
  await consuming;
  expect(fetchCount).toBeGreaterThan(1);
  expect(fetchCount).toBeLessThan(8);
});
