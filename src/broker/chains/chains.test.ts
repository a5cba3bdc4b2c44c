import { afterEach, expect, test } from "vitest";
import { type ClusterNode, ClusterWorld } from "../../../test/support/cluster-world.ts";
import { batchOf } from "../../../test/support/log-directory.ts";
import { ProducedBatch, produce } from "../produce.ts";
import type { PlacedPartition } from "../cluster/placed-partition.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const placed = (node: ClusterNode): PlacedPartition =>
  node.topic("orders")?.partitions[0] as PlacedPartition;

function head(ids = [1, 2, 3]): ClusterNode {
  const found = ids.map((id) => world.node(id)).find((node) => placed(node).absence === undefined);
  if (found === undefined) throw new Error("there is no head");
  return found;
}

async function send(node: ClusterNode, values: string[], acks = -1): Promise<ProducedBatch> {
  const batch = new ProducedBatch(node.topic("orders"), 0, batchOf(values));
  const request = { acks, timeoutMs: 30_000, clientId: "", transactionalId: null };
  await world.drive(Promise.resolve(produce(node.broker, { ...request, batches: [batch] })));
  return batch;
}

const chainOf = (node: ClusterNode): number[] =>
  Array.from(node.cluster.image.chains.values())[0]?.config.members.map(({ id }) => id) ?? [];

test("what the head answers for is on every node of its chain", async () => {
  world = await ClusterWorld.open(3);
  await world.create(2, "orders", { replicas: 3 });
  await world.drive(Promise.resolve());
  const at = head();
  expect(chainOf(at)).toHaveLength(3);
  const { error, appended } = await send(at, ["a", "b"]);
  expect(error).toBeUndefined();
  expect(appended?.lastOffset).toBe(1);
  for (const id of [1, 2, 3]) expect(placed(world.node(id)).placement.log?.end).toBe(2);
  await world.tick(1_000);
  for (const id of [1, 2, 3]) expect(placed(world.node(id)).placement.log?.committed).toBe(2);
});
