import { Resolver } from "node:dns/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { XylemClient } from "../../src/client/index.ts";
import { Xylem } from "../../src/index.ts";
import { CutProxy } from "../support/cut-proxy.ts";
import { DnsServer } from "../support/dns-server.ts";

const name = "_xylem._tcp.example.test";
let xylem: Xylem;
let proxies: [CutProxy, CutProxy];
let dns: DnsServer;
let client: XylemClient;

beforeEach(async () => {
  xylem = await Xylem.start();
  dns = await DnsServer.open();
  proxies = [await CutProxy.open(xylem.port), await CutProxy.open(xylem.port)];
  dns.setSrv(
    name,
    proxies.map(({ port }, priority) => ({ target: "localhost", port, priority })),
  );
  const resolver = new Resolver();
  resolver.setServers([dns.address]);
  client = new XylemClient(`srv://${name}`, { resolveSrv: (one) => resolver.resolveSrv(one) });
});
afterEach(async () => {
  for (const proxy of proxies) proxy.close();
  dns.close();
  await xylem.close();
});

test.each(["sse", "websocket"] as const)(
  "a subscription over %s goes on elsewhere",
  async (transport) => {
    await client.topics.ensure("t", { partitions: 1 });
    const retryDelays = { initialMs: 20, mostMs: 200 };
    const seen: unknown[] = [];
    const subscription = client.subscribe("t", { transport, from: "earliest", retryDelays });
    const reading = (async () => {
      for await (const { offset } of subscription) seen.push(offset);
    })();
    await client.append("t", { value: "before" });
    await expect.poll(() => seen, { timeout: 15_000 }).toEqual([0]);
    proxies[0].cut();
    await new XylemClient(xylem.url).append("t", { value: "after" });
    await expect.poll(() => seen, { timeout: 15_000 }).toEqual([0, 1]);
    expect(proxies[1].acceptedCount).toBeGreaterThan(0);
    subscription.close();
    await reading;
  },
);
