import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { XylemClient, XylemClientError } from "./xylem-client.ts";

const health = { status: "ok", nodeId: 1, clusterId: "abcdefghijklmnopqrstuv" };
let server: Server;
let url = "";
let status = 200;

beforeEach(async () => {
  server = createServer((request, response) => {
    if (request.url === "/base/healthz" || request.url === "/healthz") {
      response.writeHead(status, { "content-type": "application/problem+json" });
      response.end(JSON.stringify(status === 200 ? health : { detail: "not you" }));
    } else if (request.url === "/readyz") response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

test("health tells who the node is, below a base path too", async () => {
  status = 200;
  expect(await new XylemClient(url).health()).toEqual(health);
  expect(await new XylemClient(`${url}/base/`).health()).toEqual(health);
});

test("ready is true, false or an error", async () => {
  const client = new XylemClient(url);
  status = 200;
  expect(await client.ready()).toBe(true);
  status = 503;
  expect(await client.ready()).toBe(false);
  status = 403;
  await expect(client.ready()).rejects.toBeInstanceOf(XylemClientError);
});

test("a refusal carries the problem's words", async () => {
  status = 403;
  await expect(new XylemClient(url).health()).rejects.toMatchObject({
    status: 403,
    message: "not you",
  });
});

test("a request ends with its time limit or its signal", async () => {
  const slow = new XylemClient(`${url}/silent`, { timeoutMs: 50 });
  await expect(slow.health()).rejects.toMatchObject({ name: "TimeoutError" });
  const aborted = AbortSignal.abort(new Error("given up"));
  await expect(slow.health(aborted)).rejects.toThrow("given up");
});
