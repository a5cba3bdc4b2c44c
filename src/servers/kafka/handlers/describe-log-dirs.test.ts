import { afterEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { batchOf } from "../../../../test/support/log-directory.ts";
import type { Broker } from "../../../broker/broker.ts";
import type { RequestContext } from "../handler.ts";
import { describeLogDirs } from "./describe-log-dirs.ts";

let world: ClusterWorld;
afterEach(() => world.close());

const topics = [
  { topic: "orders", partitions: [0, 0, 7] },
  { topic: "nothing", partitions: [0] },
];

async function sizesAt(id: number, wanted: typeof topics | null = null) {
  const { broker }: { broker: Broker } = world.node(id);
  const asked = describeLogDirs({ topics: wanted }, { broker } as RequestContext);
  const { results } = await world.drive(asked);
  expect(results.map(({ logDir }) => logDir)).toEqual([broker.settings.data]);
  return results[0]?.topics.map(({ name, partitions }) => {
    const sizes = partitions.map((one) => [one.partitionIndex, one.partitionSize, one.offsetLag]);
    return [name, sizes];
  });
}

test("each node tells the size of what it has, whether it leads it or not", async () => {
  world = await ClusterWorld.open(3);
  const assignments = [
    { index: 0, replicas: [1, 2] },
    { index: 1, replicas: [2, 3] },
  ];
  await world.create(1, "orders", { assignments, partitions: -1, replicas: -1 });
  const node = world.node(1);
  const partition = node.topic("orders")?.partitions[0];
  await world.until("it is led", () => partition?.absence === undefined);
  await world.send(1, "orders", batchOf(["a", "b"]));
  const size = partition?.sizeBytes ?? 0;
  expect(size).toBeGreaterThan(0);
  const first = [0, size, 0];
  const second = [1, 0, 0];
  expect(await sizesAt(1)).toEqual([["orders", [first]]]);
  expect(await sizesAt(2)).toEqual([["orders", [first, second]]]);
  expect(await sizesAt(3)).toEqual([["orders", [second]]]);
  expect(await sizesAt(2, topics)).toEqual([["orders", [first]]]);
  expect(await sizesAt(3, topics)).toEqual([]);
});
