import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { silentLog } from "../../../src/base/log.ts";
import { EtcdCoordinator } from "../../../src/coordination/etcd/etcd-coordinator.ts";
import { systemClock } from "../../../src/node/system-clock.ts";
import { SystemRandom } from "../../../src/node/system-random.ts";
import { put, WatchRecord } from "../../contracts/coordinator.contract.ts";
import { CutProxy } from "../../support/cut-proxy.ts";
import { EtcdServer } from "../../support/etcd.ts";
import { describeWith } from "../../support/skips.ts";

const sleep = (durationMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, durationMs));

describeWith(["etcd"], "answers of etcd that are lost", () => {
  let server: EtcdServer;
  let proxy: CutProxy;
  /** Over the proxy. */
  let coordinator: EtcdCoordinator;
  /** Beside it. */
  let witness: EtcdCoordinator;

  const connect = (port: number): EtcdCoordinator =>
    new EtcdCoordinator({
      address: `etcd://127.0.0.1:${port}`,
      clusterName: "answers",
      clock: systemClock,
      random: new SystemRandom(),
      log: silentLog,
    });

  beforeAll(async () => {
    [server] = (await EtcdServer.startAll(1)) as [EtcdServer];
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    proxy = await CutProxy.open(server.port);
    coordinator = connect(proxy.port);
    witness = connect(server.port);
    await coordinator.transact([], [put("a", "0")]);
  });
  afterEach(async () => {
    await coordinator.close();
    await witness.close();
    proxy.close();
  });

  const entryOfA = async () => (await witness.read("a")).entries[0]!;

  test("a change that was applied is answered as applied, at its revision", async () => {
    const { revision } = await entryOfA();
    proxy.loseAnswers();
    const changed = coordinator.transact([{ key: "a", revision }], [put("a", "1")]);
    await expect.poll(async () => (await entryOfA()).value).toBe("1");
    proxy.drop();
    expect(await changed).toBe((await entryOfA()).revision);
  });

  test("an applied change is told apart from the same one of another client", async () => {
    const { revision } = await entryOfA();
    proxy.stall();
    const changed = coordinator.transact([{ key: "a", revision }], [put("a", "1")]);
    await sleep(100);
    await witness.transact([{ key: "a", revision }], [put("a", "1")]);
    proxy.drop();
    expect(await changed).toBeUndefined();
  });

  test("a change that never arrived is sent again, and applied once", async () => {
    const seen = new WatchRecord();
    witness.watch("a", (await witness.read("a")).revision, seen);
    proxy.stall();
    const changed = coordinator.transact([], [put("a", "1")]);
    await sleep(100);
    expect((await entryOfA()).value).toBe("0");
    proxy.drop();
    expect(await changed).toBe((await entryOfA()).revision);
    await sleep(200);
    expect(seen.changes.map(({ value }) => value)).toEqual(["1"]);
  });

  test("a change that arrives after it was sent again has no effect", async () => {
    const kept = proxy.keepBack(1_000);
    const changed = coordinator.transact([], [put("a", "1")]);
    expect(await changed).toBe((await entryOfA()).revision);
    await witness.transact([], [put("a", "2")]);
    const { revision } = await witness.read("");
    kept.release();
    await sleep(500);
    expect((await entryOfA()).value).toBe("2");
    // It reached etcd, and was looked at: a transaction that fails writes nothing.
    expect((await witness.read("")).revision).toBe(revision);
  });

  test("an etcd that lost its data ends leases, and tells watchers to read again", async () => {
    const seen = new WatchRecord();
    const lease = await coordinator.lease(2_000);
    let lost = 0;
    lease.onLost(() => (lost += 1));
    await coordinator.transact([], [{ ...put("bound", "1"), lease }]);
    coordinator.watch("", (await coordinator.read("")).revision, seen);
    await server.startEmpty();
    await expect.poll(() => [seen.gaps, lost], { timeout: 10_000 }).toEqual([1, 1]);
    expect((await coordinator.read("")).entries).toEqual([]);
    expect(await coordinator.transact([], [put("a", "anew")])).toBeDefined();
  });
});
