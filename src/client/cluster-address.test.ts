import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { XylemClient } from "./xylem-client.ts";

interface FakeNode {
  readonly id: number;
  readonly port: number;
  readonly server: Server;
  /** What it was asked for. */
  readonly asked: string[];
}

let nodes: FakeNode[];
let downIds: Set<number>;

beforeEach(() => {
  nodes = [];
  downIds = new Set();
});
afterEach(() => {
  for (const { server } of nodes) stop(server);
});

function stop(server: Server): void {
  server.close();
  server.closeAllConnections();
}

/** A server that says it is this node of a cluster of all that were started; 0: of none. */
async function start(id: number): Promise<FakeNode> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.setHeader("content-type", "application/json");
    if (id > 0) response.setHeader("xylem-node", id);
    response.end(JSON.stringify({ nodeId: id, nodes: nodes.map(describeNode) }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const node = { id, port: (server.address() as AddressInfo).port, server, asked };
  nodes.push(node);
  return node;
}

function describeNode({ id, port }: FakeNode): object {
  const status = downIds.has(id) ? "down" : "serving";
  return { nodeId: id, status, addresses: { http: `127.0.0.1:${port}` } };
}

const urlOf = ({ port }: FakeNode): string => `http://127.0.0.1:${port}`;

test("a node that gives no answer any more is left for the others that it told of", async () => {
  const [first, second, third] = [await start(1), await start(2), await start(3)];
  downIds.add(2);
  const client = new XylemClient(urlOf(first));
  await client.health();
  await expect.poll(() => first.asked).toEqual(["/healthz", "/v1/cluster"]);
  await client.health();
  stop(first.server);
  expect(await client.cluster()).toMatchObject({ nodeId: 3 });
  expect([second.asked, third.asked.length > 0]).toEqual([[], true]);
});

test("an append with its key goes on at another node", async () => {
  const [first, second] = [await start(1), await start(2)];
  const client = new XylemClient(urlOf(first));
  await client.health();
  await expect.poll(() => first.asked).toContain("/v1/cluster");
  stop(first.server);
  await client.append("t", { value: 1 });
  expect(second.asked[0]).toMatch(/^\/v1\/topics\/t\/records/);
});

test("a node by itself is not asked for others", async () => {
  const single = await start(0);
  const client = new XylemClient(urlOf(single));
  for (let calls = 0; calls < 3; calls += 1) await client.health();
  expect(single.asked).toEqual(["/healthz", "/healthz", "/healthz"]);
});

test("behind a path of a proxy nobody is looked for", async () => {
  const first = await start(1);
  await start(2);
  await new XylemClient(`${urlOf(first)}/xylem`).health();
  expect(first.asked).toEqual(["/xylem/healthz"]);
});
