import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const all = [1, 2, 3];
/** Over all partitions of the offsets topic: more than a node looks at in one turn. */
const groups = Array.from({ length: 120 }, (_, at) => `group-${at}`);

async function commit(group: string, offset: number): Promise<boolean> {
  const committer = { memberId: "", generation: -1, instanceId: null };
  const one = { topic: "orders", partition: 0, offset, leaderEpoch: -1, metadata: null };
  const offsets = [{ ...one, retentionMs: null, topicId: null }];
  for (const id of all) {
    const { groups: coordinator } = world.node(id).broker;
    const asked = { committer, offsets, unknownGroup: "UNKNOWN_MEMBER_ID" } as const;
    const { error, errors } = await world.drive(coordinator.commitOffsets(group, asked));
    if (error === null && errors[0] === null) return true;
  }
  return false;
}

/** At whichever node knows. */
function offsetOf(group: string): number | undefined {
  for (const id of all) {
    const wanted = [{ topic: "orders", partition: 0 }];
    const { error, offsets } = world.node(id).broker.groups.fetchOffsets(group, wanted);
    if (error === null) return offsets[0]?.offset;
  }
  return undefined;
}

test("offsets of a topic that a restored coordinator has forgotten stay", async () => {
  world = await ClusterWorld.open(3);
  await world.drive(world.node(1).broker.topics.ensureInternal("__consumer_offsets"));
  await world.tick(3_000);
  const backup = world.store.backUp();
  await world.create(1, "orders", { replicas: 3 });
  for (const group of groups) {
    await world.driveUntil("it is committed", () => commit(group, 7));
  }
  const { entries: before } = await world.coordinator.read("");
  world.store.restore(backup);
  await world.tick(60_000);
  const now = new Set((await world.coordinator.read("")).entries.map(({ key }) => key));
  const lost = before.filter(({ key }) => /^(topics|chains|names)\//.test(key) && !now.has(key));
  await world.coordinator.transact(
    [],
    lost.map(({ key, value }) => ({ key, value })),
  );
  const isBack = (id: number): boolean => world.node(id).topic("orders") !== undefined;
  await world.driveUntil("it is back", () => all.every(isBack));
  await world.tick(20_000);
  expect(groups.filter((group) => offsetOf(group) !== 7)).toEqual([]);
});
