import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Resolver } from "node:dns/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DnsServer } from "../../test/support/dns-server.ts";
import { SrvAddress, type SrvRecord } from "./node-address.ts";
import { XylemClient } from "./xylem-client.ts";

const name = "_xylem._tcp.example.test";
let dns: DnsServer;
let servers: Server[];

beforeEach(async () => {
  dns = await DnsServer.open();
  servers = [];
});
afterEach(() => {
  dns.close();
  for (const server of servers) server.close();
});

/** A node that says which one it is. */
async function startNode(nodeId: number, status = 200): Promise<number> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify({ nodeId, retriable: true }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

function connect(): XylemClient {
  const resolver = new Resolver({ timeout: 500, tries: 1 });
  resolver.setServers([dns.address]);
  return new XylemClient(`srv://${name}`, { resolveSrv: (wanted) => resolver.resolveSrv(wanted) });
}

const nodeOf = async (client: XylemClient): Promise<number> => (await client.cluster()).nodeId;
const target = "localhost";

test("the node of the lowest priority is asked, and the next one when it is gone", async () => {
  const [first, second] = [await startNode(1), await startNode(2)];
  dns.setSrv(name, [
    { target, port: second, priority: 2 },
    { target, port: first, priority: 1 },
  ]);
  const client = connect();
  expect([await nodeOf(client), await nodeOf(client)]).toEqual([1, 1]);
  servers[0]?.closeAllConnections();
  servers[0]?.close();
  expect([await nodeOf(client), await nodeOf(client)]).toEqual([2, 2]);
  expect(dns.questionCount).toBe(1);
});

test("a node that stops is left for one that serves", async () => {
  const [stopping, serving] = [await startNode(1, 503), await startNode(2)];
  dns.setSrv(name, [
    { target, port: stopping, priority: 1 },
    { target, port: serving, priority: 2 },
  ]);
  expect(await nodeOf(connect())).toBe(2);
});

test("when none of them answers, DNS is asked again", async () => {
  const [first, second] = [await startNode(1), await startNode(2)];
  dns.setSrv(name, [{ target, port: first }]);
  const client = connect();
  expect(await nodeOf(client)).toBe(1);
  dns.setSrv(name, [{ target, port: second }]);
  servers[0]?.closeAllConnections();
  servers[0]?.close();
  expect(await nodeOf(client)).toBe(2);
});

test("a name without records fails with a clear error", async () => {
  const resolveSrv = (): Promise<SrvRecord[]> => Promise.resolve([]);
  const client = new XylemClient(`srv://${name}`, { resolveSrv, retriesMax: 0 });
  await expect(client.cluster()).rejects.toMatchObject({
    code: "CONNECTION_FAILED",
    message: `No answer came: DNS has no SRV records of ${name}`,
  });
  await expect(connect().health()).rejects.toThrow(/ENOTFOUND _xylem/);
});

test("without a resolver, as in a browser, srv:// is refused", () => {
  expect(() => new XylemClient(`srv://${name}`)).toThrow(/resolveSrv/);
});

test("while DNS fails, known nodes are used on, and a call does not wait for it", async () => {
  const port = await startNode(1);
  dns.setSrv(name, [{ target, port }]);
  const client = connect();
  expect(await nodeOf(client)).toBe(1);
  dns.fail(true);
  servers[0]?.closeAllConnections();
  expect(await nodeOf(client)).toBe(1);
});

test("within a priority each comes first as often as its weight says", async () => {
  const records = [
    { name: "heavy", port: 1, priority: 0, weight: 60 },
    { name: "light", port: 1, priority: 0, weight: 40 },
    { name: "none", port: 1, priority: 0, weight: 0 },
    { name: "spare", port: 1, priority: 1, weight: 65_535 },
  ];
  const counts: Record<string, number> = {};
  for (let round = 0; round < 5_000; round += 1) {
    const address = new SrvAddress(new URL("srv://x/base"), () => Promise.resolve(records));
    const url = await address.current();
    counts[url] = (counts[url] ?? 0) + 1;
  }
  expect(Object.keys(counts).toSorted()).toEqual(["http://heavy:1/base", "http://light:1/base"]);
  expect(counts["http://heavy:1/base"]).toBeGreaterThan(2_800);
  expect(counts["http://heavy:1/base"]).toBeLessThan(3_200);
});
