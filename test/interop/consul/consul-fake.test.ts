import { afterEach, describe, expect, test } from "vitest";
import { clusterCoordinatorContract } from "../../contracts/cluster-coordinator.contract.ts";
import {
  coordinatorContract,
  eventually,
  put,
  WatchRecord,
} from "../../contracts/coordinator.contract.ts";
import type { Address, AddressSource } from "../../../src/coordination/srv/address-source.ts";
import { ConsulFake } from "../../support/consul-fake.ts";
import { connectConsul, consulWorld, sleep } from "../../support/consul-world.ts";
import { CutProxy } from "../../support/cut-proxy.ts";

const ttlMs = 1_000;
const fakes: ConsulFake[] = [];
const openFake = async (): Promise<ConsulFake> => {
  const fake = await ConsulFake.open();
  fakes.push(fake);
  return fake;
};
afterEach(async () => {
  for (const fake of fakes.splice(0)) await fake.close();
});

coordinatorContract("Consul's fake", () => {
  let fake: ConsulFake | undefined;
  const open = async () => {
    fake ??= await openFake();
    return connectConsul([`127.0.0.1:${fake.port}`], "alone", ttlMs);
  };
  return { open, reopen: open };
});

clusterCoordinatorContract("Consul's fake", async () => {
  return consulWorld(await openFake(), "shared", { ttlMs, lateMsMax: 1_500 });
});

describe("what a real Consul does seldom", () => {
  const connect = async () => {
    const fake = await openFake();
    const coordinator = connectConsul([`127.0.0.1:${fake.port}`], "seldom", ttlMs);
    return { fake, coordinator };
  };
  const watchAll = async ({ coordinator }: Awaited<ReturnType<typeof connect>>) => {
    const seen = new WatchRecord();
    coordinator.watch("", (await coordinator.read("")).revision, seen);
    return seen;
  };

  test("a change that was applied and answered as failed is told as applied", async () => {
    const { fake, coordinator } = await connect();
    await coordinator.transact([], [put("a", "1")]);
    fake.failAfterwards(1);
    const changed = await coordinator.transact([{ key: "b", revision: 0 }], [put("b", "1")]);
    const [entry] = (await coordinator.read("b")).entries;
    expect(changed).toBeDefined();
    expect(entry).toMatchObject({ value: "1", revision: changed });
    await coordinator.close();
  });

  test("a leader that does not know sessions yet ends no lease", async () => {
    const { fake, coordinator } = await connect();
    const lease = await coordinator.lease(ttlMs);
    let lost = 0;
    lease.onLost(() => (lost += 1));
    const untilMs = lease.holdsUntilMs;
    fake.forgetToRenew(2);
    await eventually({}, () => expect(lease.holdsUntilMs).toBeGreaterThan(untilMs), ttlMs);
    expect(lost).toBe(0);
    await coordinator.close();
  });

  test("deletions that are forgotten are told, and revisions do not fall", async () => {
    const world = await connect();
    const { fake, coordinator } = world;
    await coordinator.transact([], [put("a/1", "1"), put("a/2", "1")]);
    const seen = await watchAll(world);
    await coordinator.transact([], [{ key: "a/2", value: null }]);
    await eventually({}, () => expect(seen.changes.length).toBe(1));
    const { revision } = await coordinator.read("a/");
    fake.forgetDeletions();
    expect((await coordinator.read("a/")).revision).toBeGreaterThanOrEqual(revision);
    await coordinator.transact([], [put("c", "1")]);
    await eventually({}, () => expect(seen.changes.length).toBe(2));
    expect([seen.gaps, seen.faults]).toEqual([0, []]);
    await coordinator.close();
  });

  test("who watches a Consul that lost its data is told to read again", async () => {
    const world = await connect();
    await world.coordinator.transact([], [put("a", "1")]);
    const seen = await watchAll(world);
    world.fake.loseAll();
    await eventually({}, () => expect(seen.gaps).toBe(1), 15_000);
    expect(seen.revisions).toEqual([]);
    expect(await world.coordinator.transact([], [put("a", "anew")])).toBeDefined();
    await world.coordinator.close();
  });

  test("who watches a Consul restored from a backup is told to read again", async () => {
    const world = await connect();
    const { fake, coordinator } = world;
    await coordinator.transact([], [put("a", "1")]);
    const restore = fake.backUp();
    await coordinator.transact([], [put("a", "2")]);
    const seen = await watchAll(world);
    restore();
    await coordinator.transact([], [put("b", "1")]);
    await eventually({}, () => expect(seen.gaps).toBe(1));
    expect((await coordinator.read("a")).entries[0]?.value).toBe("1");
    await coordinator.close();
  });

  test("agents that DNS no longer names are asked nothing, and watches move", async () => {
    const fake = await openFake();
    const [first, second] = [await CutProxy.open(fake.port), await CutProxy.open(fake.port)];
    const placeOf = ({ port }: CutProxy) => ({ host: "127.0.0.1", port });
    let tell: (places: readonly Address[]) => void = () => {};
    const addresses: AddressSource = {
      current: [placeOf(first)],
      onChanged: (listener) => {
        tell = listener;
        return () => {};
      },
      suspect: () => {},
      close: () => {},
    };
    const coordinator = connectConsul([], "moved", ttlMs, addresses);
    const seen = new WatchRecord();
    coordinator.watch("", (await coordinator.read("")).revision, seen);
    await coordinator.transact([], [put("a", "1")]);
    await eventually({}, () => expect(seen.picture).toEqual({ a: "1" }));
    // The watch has asked for what comes next, and will have no answer from there.
    await sleep(200);
    first.stall();
    tell([placeOf(second)]);
    await coordinator.transact([], [put("a", "2")]);
    await eventually({}, () => expect(seen.picture).toEqual({ a: "2" }), 2_000);
    expect(seen.gaps).toBe(0);
    expect(second.acceptedCount).toBeGreaterThan(0);
    await coordinator.close();
    first.close();
    second.close();
  });
});
