import { afterEach, expect, test } from "vitest";
import { silentLog } from "../../../src/base/log.ts";
import type { Coordinator } from "../../../src/broker/ports/coordinator.ts";
import type { Lease } from "../../../src/broker/ports/lease.ts";
import { EtcdCoordinator } from "../../../src/coordination/etcd/etcd-coordinator.ts";
import { systemClock } from "../../../src/node/system-clock.ts";
import { SystemRandom } from "../../../src/node/system-random.ts";
import { put, WatchRecord } from "../../contracts/coordinator.contract.ts";
import { CutProxy } from "../../support/cut-proxy.ts";
import { EtcdServer } from "../../support/etcd.ts";
import { describeWith } from "../../support/skips.ts";

const sleep = (durationMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, durationMs));

describeWith(["etcd"], "a real etcd that fails", () => {
  let servers: readonly EtcdServer[] = [];
  const coordinators: Coordinator[] = [];

  afterEach(async () => {
    for (const coordinator of coordinators.splice(0)) await coordinator.close();
    for (const server of servers) await server.stop();
    servers = [];
  });

  async function start(count: number): Promise<readonly EtcdServer[]> {
    servers = await EtcdServer.startAll(count);
    return servers;
  }

  function connect(addresses: readonly string[]): Coordinator {
    const coordinator = new EtcdCoordinator({
      address: `etcd://${addresses.join(",")}`,
      clusterName: "faults",
      clock: systemClock,
      random: new SystemRandom(),
      log: silentLog,
    });
    coordinators.push(coordinator);
    return coordinator;
  }

  async function watchAll(coordinator: Coordinator): Promise<WatchRecord> {
    const seen = new WatchRecord();
    coordinator.watch("", (await coordinator.read("")).revision, seen);
    return seen;
  }

  function lossesOf(lease: Lease): number[] {
    const losses: number[] = [];
    lease.onLost(() => losses.push(performance.now()));
    return losses;
  }

  test("killed and started again, it has all that was confirmed, and watches go on", async () => {
    const [server] = (await start(1)) as [EtcdServer];
    const coordinator = connect([server.address]);
    const seen = await watchAll(coordinator);
    const lease = await coordinator.lease(10_000);
    const losses = lossesOf(lease);
    await coordinator.transact([], [{ ...put("bound", "1"), lease }, put("a", "1")]);
    let [tried, confirmed] = [0, 0];
    let isOver = false;
    const writing = (async () => {
      while (!isOver) {
        tried += 1;
        const writes = [put("count", String(tried)), put(`log/${tried}`, "")];
        const isKnown = await coordinator.transact([], writes).catch(() => undefined);
        if (isKnown !== undefined) confirmed += 1;
        await sleep(5);
      }
    })();
    for (let round = 0; round < 3; round += 1) {
      await sleep(300);
      await server.kill();
      await sleep(200);
      await server.startAgain();
    }
    isOver = true;
    await writing;
    const { entries } = await coordinator.read("");
    const all = Object.fromEntries(entries.map(({ key, value }) => [key, value]));
    await expect.poll(() => seen.picture, { timeout: 10_000 }).toEqual(all);
    const logged = entries.filter(({ key }) => key.startsWith("log/")).length;
    expect(confirmed).toBeGreaterThan(20);
    expect(logged).toBeGreaterThanOrEqual(confirmed);
    expect(tried - logged).toBeLessThanOrEqual(tried - confirmed);
    expect([seen.gaps, losses, all["bound"]]).toEqual([0, [], "1"]);
  });

  test("stopped without a word, it loses the lease in time, and is found again", async () => {
    const [server] = (await start(1)) as [EtcdServer];
    const coordinator = connect([server.address]);
    const seen = await watchAll(coordinator);
    const lease = await coordinator.lease(2_000);
    const losses = lossesOf(lease);
    await coordinator.transact([], [{ ...put("bound", "1"), lease }]);
    await sleep(1_000);
    const untilMs = lease.holdsUntilMs;
    server.pause();
    const pausedMs = performance.now();
    await expect.poll(() => losses.length, { timeout: 5_000 }).toBe(1);
    expect(losses[0]! - pausedMs).toBeLessThan(2_000);
    expect(losses[0]!).toBeGreaterThanOrEqual(untilMs - 1);
    await sleep(3_000);
    server.resume();
    const next = await coordinator.lease(2_000);
    await coordinator.transact([], [{ ...put("bound", "2"), lease: next }]);
    await expect.poll(() => seen.picture, { timeout: 10_000 }).toEqual({ bound: "2" });
    expect(seen.gaps).toBe(0);
  });

  test("of three the one in use dies: leases, calls and watches go on with another", async () => {
    const members = await start(3);
    const coordinator = connect(members.map(({ address }) => address));
    const seen = await watchAll(coordinator);
    const lease = await coordinator.lease(2_000);
    const losses = lossesOf(lease);
    await coordinator.transact([], [{ ...put("bound", "1"), lease }]);
    for (const [round, member] of members.entries()) {
      await member.kill();
      await coordinator.transact([], [put("round", String(round))]);
      const told = (): unknown => [seen.gaps, seen.state.get("round")];
      await expect.poll(told, { timeout: 10_000 }).toEqual([0, String(round)]);
      await member.startAgain();
      await sleep(500);
    }
    const { entries } = await coordinator.read("");
    expect(entries.map(({ key }) => key)).toContain("round");
    // A new leader is found within its election time, which may be longer than a short lease.
    expect(losses.length).toBeLessThanOrEqual(1);
  });

  test("of three the one in use falls silent: the lease holds through another", async () => {
    const members = await start(3);
    const leader = await leaderOf(members);
    const followers = members.filter((member) => member !== leader);
    const order = [followers[0]!, leader, followers[1]!].map(({ address }) => address);
    const coordinator = connect(order);
    const seen = await watchAll(coordinator);
    const lease = await coordinator.lease(2_000);
    const losses = lossesOf(lease);
    await coordinator.transact([], [{ ...put("bound", "1"), lease }]);
    await sleep(1_000);
    followers[0]!.pause();
    await sleep(6_000);
    await coordinator.transact([], [put("a", "1")]);
    await expect.poll(() => seen.picture, { timeout: 5_000 }).toEqual({ a: "1", bound: "1" });
    expect(losses).toEqual([]);
    followers[0]!.resume();
  });

  test("a leader without a quorum renews no lease, although it believes to", async () => {
    const members = await start(3);
    const leader = await leaderOf(members);
    const coordinator = connect([leader.address]);
    const lease = await coordinator.lease(3_000);
    await sleep(1_500);
    const others = members.filter((member) => member !== leader);
    for (const member of others) member.pause();
    const pausedMs = performance.now();
    await sleep(1_900);
    expect(lease.holdsUntilMs).toBeLessThanOrEqual(pausedMs + lease.ttlMs);
    for (const member of others) member.resume();
  });

  test("a connection that carries nothing more is given up for a new one", async () => {
    const [server] = (await start(1)) as [EtcdServer];
    const proxy = await CutProxy.open(server.port);
    const coordinator = connect([`127.0.0.1:${proxy.port}`]);
    const seen = await watchAll(coordinator);
    const lease = await coordinator.lease(3_000);
    const losses = lossesOf(lease);
    await coordinator.transact([], [{ ...put("bound", "1"), lease }]);
    proxy.stall();
    await sleep(5_000);
    await coordinator.transact([], [put("a", "1")]);
    await expect.poll(() => seen.picture, { timeout: 5_000 }).toEqual({ a: "1", bound: "1" });
    expect(losses).toEqual([]);
    await coordinator.close();
    proxy.close();
  });

  test("a watch alone, on a connection that carries nothing more, is taken up again", async () => {
    const [server] = (await start(1)) as [EtcdServer];
    const proxy = await CutProxy.open(server.port);
    const watching = connect([`127.0.0.1:${proxy.port}`]);
    const seen = await watchAll(watching);
    await connect([server.address]).transact([], [put("a", "1")]);
    await expect.poll(() => seen.picture, { timeout: 5_000 }).toEqual({ a: "1" });
    proxy.stall();
    await connect([server.address]).transact([], [put("a", "2")]);
    await expect.poll(() => seen.picture, { timeout: 12_000 }).toEqual({ a: "2" });
    await watching.close();
    proxy.close();
  });

  test("who comes back to another history, gone further, is told to read again", async () => {
    const [server] = (await start(1)) as [EtcdServer];
    const proxy = await CutProxy.open(server.port);
    const away = connect([`127.0.0.1:${proxy.port}`]);
    const seen = await watchAll(away);
    await connect([server.address]).transact([], [put("a", "1")]);
    await expect.poll(() => seen.picture, { timeout: 5_000 }).toEqual({ a: "1" });
    const { revision } = await away.read("");
    proxy.cut();
    await server.startEmpty();
    const stays = connect([server.address]);
    for (let at = 0; at < 10; at += 1) await stays.transact([], [put("b", String(at))]);
    expect((await stays.read("")).revision).toBeGreaterThan(revision);
    proxy.mend();
    await expect.poll(() => seen.gaps, { timeout: 10_000 }).toBe(1);
    expect(seen.picture).toEqual({ a: "1" });
    await away.close();
    proxy.close();
  });

  test("whose last change was a deletion goes on with the same history", async () => {
    const [server] = (await start(1)) as [EtcdServer];
    const coordinator = connect([server.address]);
    const seen = await watchAll(coordinator);
    await coordinator.transact([], [put("a", "1"), put("b", "1")]);
    await coordinator.transact([], [{ key: "a", value: null }]);
    await expect.poll(() => seen.picture, { timeout: 5_000 }).toEqual({ b: "1" });
    await server.kill();
    await server.startAgain();
    await coordinator.transact([], [put("c", "1")]);
    await expect.poll(() => seen.picture, { timeout: 10_000 }).toEqual({ b: "1", c: "1" });
    expect(seen.gaps).toBe(0);
  });

  test("who has nothing to do for long keeps his watch: etcd is not asked too often", async () => {
    const [server] = (await start(1)) as [EtcdServer];
    const proxy = await CutProxy.open(server.port);
    const coordinator = connect([`127.0.0.1:${proxy.port}`]);
    const seen = await watchAll(coordinator);
    await sleep(18_000);
    expect(proxy.acceptedCount).toBe(1);
    await coordinator.transact([], [put("a", "1")]);
    await expect.poll(() => seen.picture, { timeout: 5_000 }).toEqual({ a: "1" });
    await coordinator.close();
    proxy.close();
  });
});

async function leaderOf(members: readonly EtcdServer[]): Promise<EtcdServer> {
  for (const member of members) if (await member.isLeader()) return member;
  throw new Error("etcd has no leader");
}
