import { afterEach, expect, test } from "vitest";
import type { Coordinator } from "../../../src/broker/ports/coordinator.ts";
import type { Lease } from "../../../src/broker/ports/lease.ts";
import { eventually, keysBelow, put, WatchRecord } from "../../contracts/coordinator.contract.ts";
import { ConsulAgent } from "../../support/consul.ts";
import { connectConsul, sleep } from "../../support/consul-world.ts";
import { describeWith } from "../../support/skips.ts";

describeWith(["consul"], "a real Consul that fails", () => {
  const agents: ConsulAgent[] = [];
  const coordinators: Coordinator[] = [];

  afterEach(async () => {
    for (const coordinator of coordinators.splice(0)) await coordinator.close();
    for (const agent of agents.splice(0)) await agent.stop();
  });

  async function start(count: number): Promise<readonly ConsulAgent[]> {
    const servers = await ConsulAgent.startServers(count);
    agents.push(...servers);
    return servers;
  }

  function connect(...to: readonly ConsulAgent[]): Coordinator {
    const coordinator = connectConsul(
      to.map(({ address }) => address),
      "faults",
    );
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
    const [server] = (await start(1)) as [ConsulAgent];
    const coordinator = connect(server);
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
    for (let round = 1; round <= 3; round += 1) {
      await eventually({}, () => expect(confirmed).toBeGreaterThan(round * 10));
      await server.kill();
      await server.startAgain();
    }
    isOver = true;
    await writing;
    const { entries } = await coordinator.read("");
    const all = Object.fromEntries(entries.map(({ key, value }) => [key, value]));
    await eventually({}, () => expect(seen.picture).toEqual(all));
    const logged = entries.filter(({ key }) => key.startsWith("log/")).length;
    expect(confirmed).toBeGreaterThan(20);
    expect(logged).toBeGreaterThanOrEqual(confirmed);
    expect(logged).toBeLessThanOrEqual(tried);
    expect([seen.gaps, losses, all["bound"]]).toEqual([0, [], "1"]);
  });

  test("a session ended by hand is lost to its owner, and its keys go", async () => {
    const [server] = (await start(1)) as [ConsulAgent];
    const [owner, other] = [connect(server), connect(server)];
    const seen = await watchAll(other);
    const lease = await owner.lease(10_000);
    const losses = lossesOf(lease);
    await owner.transact([], [{ ...put("controller", "1"), lease }]);
    await eventually({}, () => expect(seen.picture).toEqual({ controller: "1" }));
    await server.put(`session/destroy/${lease.id}`);
    await eventually({}, () => expect(seen.picture).toEqual({}));
    await eventually({}, () => expect(losses.length).toBe(1), lease.ttlMs / 3 + 1_000);
    expect(lease.holdsUntilMs).toBe(Number.NEGATIVE_INFINITY);
    const next = await other.lease(10_000);
    const absent = [{ key: "controller", revision: 0 }];
    expect(
      await other.transact(absent, [{ ...put("controller", "2"), lease: next }]),
    ).toBeDefined();
    await expect(owner.transact([], [{ ...put("controller", "3"), lease }])).rejects.toMatchObject({
      code: "STALE_BROKER_EPOCH",
    });
    expect((await owner.read("controller")).entries[0]?.value).toBe("2");
  });

  test("a key goes from one lease to another, and to none, without a moment between", async () => {
    const [server] = (await start(1)) as [ConsulAgent];
    const coordinator = connect(server);
    const [one, two] = [await coordinator.lease(10_000), await coordinator.lease(10_000)];
    await coordinator.transact([], [{ ...put("a", "1"), lease: one }]);
    await coordinator.transact([], [{ ...put("a", "2"), lease: two }]);
    await one.revoke();
    expect((await coordinator.read("a")).entries).toMatchObject([{ value: "2", lease: two.id }]);
    await coordinator.transact([], [put("a", "3")]);
    await two.revoke();
    expect(await keysBelow(coordinator, "")).toEqual(["a"]);
  });

  test("an agent that is down is left for another, and the lease holds", async () => {
    const [server] = (await start(1)) as [ConsulAgent];
    const client = await server.startClient();
    agents.push(client);
    const coordinator = connect(client, server);
    const seen = await watchAll(coordinator);
    const lease = await coordinator.lease(10_000);
    const losses = lossesOf(lease);
    await coordinator.transact([], [{ ...put("bound", "1"), lease }]);
    await client.kill();
    await coordinator.transact([], [put("a", "1")]);
    await eventually({}, () => expect(seen.picture).toEqual({ a: "1", bound: "1" }));
    const heldMs = lease.holdsUntilMs;
    await eventually({}, () => expect(lease.holdsUntilMs).toBeGreaterThan(heldMs));
    expect([seen.gaps, losses]).toEqual([0, []]);
  });

  test("a Consul that lost its data ends leases, and tells watchers to read again", async () => {
    const [server] = (await start(1)) as [ConsulAgent];
    const coordinator = connect(server);
    for (let round = 0; round < 30; round += 1) {
      await coordinator.transact([], [put("a", String(round))]);
    }
    const seen = await watchAll(coordinator);
    const lease = await coordinator.lease(10_000);
    const losses = lossesOf(lease);
    await server.startEmpty();
    await eventually({}, () => expect([seen.gaps, losses.length]).toEqual([1, 1]));
    expect((await coordinator.read("")).entries).toEqual([]);
    expect(await coordinator.transact([], [put("a", "anew")])).toBeDefined();
  });

  test("a Consul restored from a backup lets its watchers read again", async () => {
    const [server] = (await start(1)) as [ConsulAgent];
    const coordinator = connect(server);
    await coordinator.transact([], [put("a", "1")]);
    const snapshot = await server.snapshot();
    await coordinator.transact([], [put("a", "2")]);
    const seen = await watchAll(coordinator);
    await server.restore(snapshot);
    await eventually({}, () => expect(seen.gaps).toBe(1), 15_000);
    expect((await coordinator.read("a")).entries[0]?.value).toBe("1");
  });

  test("stopped without a word, it loses the lease in time, and is found again", async () => {
    const [server] = (await start(1)) as [ConsulAgent];
    const coordinator = connect(server);
    const seen = await watchAll(coordinator);
    const lease = await coordinator.lease(10_000);
    const losses = lossesOf(lease);
    await coordinator.transact([], [{ ...put("bound", "1"), lease }]);
    await sleep(4_000);
    const untilMs = lease.holdsUntilMs;
    server.pause();
    const pausedMs = performance.now();
    await eventually({}, () => expect(losses.length).toBe(1), 11_000);
    expect(losses[0]! - pausedMs).toBeLessThan(10_000);
    expect(losses[0]!).toBeGreaterThanOrEqual(untilMs - 1);
    await expect(coordinator.transact([], [put("a", "1")])).rejects.toMatchObject({
      code: "REQUEST_TIMED_OUT",
    });
    server.resume();
    const next = await coordinator.lease(10_000);
    await coordinator.transact([], [{ ...put("bound", "2"), lease: next }]);
    await eventually({}, () => expect(seen.state.get("bound")).toBe("2"));
    expect(seen.gaps).toBe(0);
  });

  test("of three servers each dies once: leases, changes and watches go on", async () => {
    const servers = await start(3);
    const coordinator = connect(...servers);
    const seen = await watchAll(coordinator);
    const lease = await coordinator.lease(10_000);
    const losses = lossesOf(lease);
    await coordinator.transact([], [{ ...put("bound", "1"), lease }]);
    for (const [round, server] of servers.entries()) {
      await server.kill();
      await coordinator.transact([], [put("round", String(round))]);
      await eventually({}, () => expect(seen.state.get("round")).toBe(String(round)));
      await server.startAgain();
      await sleep(2_000);
    }
    expect(await keysBelow(coordinator, "")).toEqual(["bound", "round"]);
    expect([seen.gaps, losses]).toEqual([0, []]);
  });
});
