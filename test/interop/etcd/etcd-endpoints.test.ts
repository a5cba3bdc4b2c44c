import { getEventListeners } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentLog } from "../../../src/base/log.ts";
import { EtcdCoordinator } from "../../../src/coordination/etcd/etcd-coordinator.ts";
import { EtcdEndpoints } from "../../../src/coordination/etcd/etcd-endpoints.ts";
import { EtcdKeys } from "../../../src/coordination/etcd/etcd-keys.ts";
import { EtcdLeases } from "../../../src/coordination/etcd/etcd-leases.ts";
import { EtcdWatch } from "../../../src/coordination/etcd/etcd-watch.ts";
import { systemClock } from "../../../src/node/system-clock.ts";
import { SystemRandom } from "../../../src/node/system-random.ts";
import { put, WatchRecord } from "../../contracts/coordinator.contract.ts";
import { CutProxy } from "../../support/cut-proxy.ts";
import { EtcdServer } from "../../support/etcd.ts";
import { describeWith } from "../../support/skips.ts";

describeWith(["etcd"], "the endpoints of a real etcd", () => {
  let server: EtcdServer;
  let proxy: CutProxy;
  const keys = new EtcdKeys("endpoints");

  beforeAll(async () => {
    [server] = (await EtcdServer.startAll(1)) as [EtcdServer];
    proxy = await CutProxy.open(server.port);
  });
  afterAll(async () => {
    proxy.close();
    await server.stop();
  });

  test("calls, keep-alives and watches that broke leave nothing behind", async () => {
    const urls = [`http://127.0.0.1:${proxy.port}`];
    const endpoints = new EtcdEndpoints({ urls, clock: systemClock, log: silentLog });
    const leases = new EtcdLeases({ endpoints, clock: systemClock });
    const lease = await leases.grant(60_000);
    for (let round = 0; round < 30; round += 1) {
      await endpoints.ask("A read", ({ kv }, options) => kv.range(keys.rangeOf(""), options));
      expect(await leases.renew(lease.id, { timeoutMs: 5_000, attempt: 0 })).toBe(true);
    }
    const writer = new EtcdCoordinator({
      address: `etcd://${server.address}`,
      clusterName: "endpoints",
      clock: systemClock,
      random: new SystemRandom(),
      log: silentLog,
    });
    await writer.transact([], [put("a", "1")]);
    await writer.close();
    const watcher = new WatchRecord();
    const watch = new EtcdWatch({ endpoints, keys, prefix: "", fromRevision: 0, watcher });
    // One that was told nothing yet begins anew.
    await expect.poll(() => watcher.picture).toEqual({ a: "1" });
    for (let round = 0; round < 10; round += 1) {
      proxy.drop();
      await endpoints.ask("A read", ({ kv }, options) => kv.range(keys.rangeOf(""), options));
    }
    await endpoints.pause(2_000);
    // The watch itself.
    await expect.poll(() => getEventListeners(endpoints.closing, "abort").length).toBe(1);
    watch.stop();
    await expect.poll(() => getEventListeners(endpoints.closing, "abort").length).toBe(0);
    leases.close();
    endpoints.close();
  });

  test("a host that does not answer is given up for the next one", async () => {
    // Reserved for documentation: nobody is there (RFC 5737).
    const urls = ["http://192.0.2.1:2379", `http://${server.address}`];
    const endpoints = new EtcdEndpoints({ urls, clock: systemClock, log: silentLog });
    const warnings: string[] = [];
    const { header } = await endpoints.ask("A read", ({ kv, url }, options) => {
      warnings.push(url);
      return kv.range(keys.rangeOf(""), options);
    });
    expect(header?.revision).toBeDefined();
    expect(warnings).toEqual(urls);
    endpoints.close();
  });
});
