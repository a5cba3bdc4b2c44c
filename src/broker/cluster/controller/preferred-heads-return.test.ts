import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import type { NodeSettings } from "../../../base/settings/node-settings.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const partitions = [0, 1, 2, 3];

/** Four partitions that node 1 is to lead; it was away, and others lead them. */
async function openDeposed(own: Partial<NodeSettings>): Promise<void> {
  world = new ClusterWorld(3);
  for (const id of [1, 2, 3]) await world.start(id, own);
  const assignments = partitions.map((index) => ({ index, replicas: [1, 2, 3] }));
  await world.create(2, "orders", { assignments, partitions: -1, replicas: -1 });
  const former = world.node(1);
  await former.stop();
  await world.driveUntil("others lead", () => !leaders().includes(1));
  await world.drive(world.start(1, own, former.disk));
  await world.driveUntil("all are members", () => lengths().every((length) => length === 3));
}

const chains = () => [...world.node(2).cluster.image.chains.values()].map(({ config }) => config);
const leaders = (): number[] => chains().map(({ members }) => members[0]?.id ?? -1);
const lengths = (): number[] => chains().map(({ members }) => members.length);

test("preferred heads lead again by themselves after the time that is set", async () => {
  await openDeposed({ "leader.imbalance.check.interval.seconds": 30 });
  await world.tick(20_000);
  expect(leaders()).not.toContain(1);
  await world.tick(20_000);
  await world.driveUntil("it leads again", () => leaders().every((id) => id === 1));
  await world.driveUntil("all are members", () => lengths().every((length) => length === 3));
});

test("preferred heads wait for a hand where they are not to come back by themselves", async () => {
  const own = { "leader.imbalance.check.interval.seconds": 1 };
  await openDeposed({ ...own, "auto.leader.rebalance.enable": false });
  await world.tick(60_000);
  expect(leaders()).not.toContain(1);
});
