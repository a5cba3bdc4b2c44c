import { expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { formatUuid, type Uuid } from "../../../base/uuid.ts";
import { chainKey } from "../../../replication/chain-config.ts";
import { batchOf } from "../../../../test/support/log-directory.ts";
import type { PlacedPartition } from "./placed-partition.ts";

/** More than follow their chains in one turn of the event loop. */
const count = 200;

test("heads that were deposed while their lease was lost serve no more, however many", async () => {
  const world = await ClusterWorld.open(3);
  const assignments = Array.from({ length: count }, (_, index) => ({ index, replicas: [1, 2] }));
  await world.create(3, "orders", { assignments, partitions: -1, replicas: -1 });
  const at = (id: number) => world.node(id).topic("orders")?.partitions as PlacedPartition[];
  const isLedBy = (id: number) => () => at(id).every(({ absence }) => absence === undefined);
  await world.driveUntil("node 1 leads", isLedBy(1));
  const index = count - 1;
  await world.send(1, "orders", batchOf(["a"]), { index });
  const { coordinator, cluster } = world.node(1);
  coordinator.cut();
  await world.driveUntil("node 2 leads", isLedBy(2));
  expect((await world.send(2, "orders", batchOf(["b"]), { index })).error).toBeUndefined();

  const topicId = formatUuid(world.node(1).topic("orders")?.id as Uuid);
  const headOf = (one: number) =>
    cluster.image.chains.get(chainKey(topicId, one))?.config.members[0]?.id;
  let behind = 0;
  let deposed = 0;
  let isWatching = true;
  const look = (): void => {
    if (cluster.isStanding) {
      const late = at(1).filter(({ placement }, one) => placement.isServed && headOf(one) === 2);
      behind += late.length;
      deposed += late.filter(({ absence }) => absence === undefined).length;
    }
    if (isWatching) setImmediate(look);
  };
  coordinator.mend();
  look();
  const hasFollowed = () => cluster.isStanding && at(1).every((one) => !one.placement.isServed);
  // In steps that are long enough for the lease to be back before all have followed.
  await world.driveUntil("node 1 follows", hasFollowed, { stepMs: 3_000 });
  isWatching = false;
  // It had its lease before all of its replicas knew.
  expect(behind).toBeGreaterThan(0);
  expect(deposed).toBe(0);
  expect(at(1)[index]?.absence?.code).toBe("NOT_LEADER_OR_FOLLOWER");
  await world.close();
});
