import { afterEach, beforeEach, expect, test } from "vitest";
import { ClusterWorld } from "../../../../test/support/cluster-world.ts";
import { KafkaDoor } from "../../../../test/support/memory-broker.ts";
import { batchOf as recordsOf } from "../../../../test/support/log-directory.ts";
import { batchOf, RawClient } from "../../../../test/support/raw-client.ts";
import type { RequestContext } from "../handler.ts";
import { deleteRecords } from "./delete-records.ts";

let door: KafkaDoor;
let client: RawClient;

beforeEach(async () => {
  door = await KafkaDoor.open();
  client = await RawClient.open(door.port);
  await client.createTopic("old");
  await client.produce(["old", 0], batchOf(["a", "b", "c"]));
  await client.produce(["old", 0], batchOf(["d", "e"]));
});

afterEach(async () => {
  client.close();
  await door.close();
});

async function deleteBefore(offset: number | bigint, name = "old", partitionIndex = 0) {
  const { topics } = await client.connection.request("DeleteRecords", 2, {
    topics: [{ name, partitions: [{ partitionIndex, offset }] }],
    timeoutMs: 1_000,
  });
  const answer = topics[0]?.partitions[0];
  return [answer?.errorCode, answer?.lowWatermark];
}

test("the log start moves up to the offset, within a batch too, and never down", async () => {
  expect(await deleteBefore(1)).toEqual([0, 1]);
  expect((await client.listOffset(["old", 0], -2)).offset).toBe(1);
  expect((await client.fetch(["old", 0], 0)).errorCode).toBe(1);
  expect((await client.readAll(["old", 0], 1)).map(({ offset }) => offset)).toEqual([1, 2, 3, 4]);
  expect(await deleteBefore(0)).toEqual([0, 1]);
});

test("-1 deletes everything that is committed", async () => {
  expect(await deleteBefore(-1)).toEqual([0, 5]);
  expect((await client.listOffset(["old", 0], -1)).offset).toBe(5);
});

test("offsets outside the log are OFFSET_OUT_OF_RANGE", async () => {
  for (const offset of [6, -2, 2n ** 63n - 1n]) {
    expect(await deleteBefore(offset)).toEqual([1, -1]);
  }
});

test("unknown partitions and topics that only compact are refused", async () => {
  expect(await deleteBefore(0, "nothing")).toEqual([3, -1]);
  expect(await deleteBefore(0, "old", 4)).toEqual([3, -1]);
  await client.createTopic("keys", { configs: { "cleanup.policy": "compact" } });
  expect(await deleteBefore(0, "keys")).toEqual([44, -1]);
  await client.createTopic("both", { configs: { "cleanup.policy": "compact,delete" } });
  expect(await deleteBefore(0, "both")).toEqual([0, 0]);
});

test("all partitions wait for their replicas at the same time", async () => {
  const world = await ClusterWorld.open(2);
  const assignments = [0, 1, 2, 3].map((index) => ({ index, replicas: [1, 2] }));
  await world.create(1, "old", { assignments, partitions: -1, replicas: -1 });
  const logs = () => world.node(1).topic("old")?.partitions ?? [];
  const isWhole = () => logs().every(({ inSyncCount }) => inSyncCount === 2);
  await world.driveUntil("the chains are whole", () => logs().length === 4 && isWhole());
  for (const { index } of assignments)
    expect((await world.send(1, "old", recordsOf(["a"]), { index })).error).toBeUndefined();
  world.network.block(1, 2);
  const startMs = world.clock.monotonicMs();
  const partitions = assignments.map(({ index }) => ({ partitionIndex: index, offset: 1 }));
  const request = { topics: [{ name: "old", partitions }], timeoutMs: 2_000 };
  const context = { broker: world.node(1).broker } as RequestContext;
  const { topics } = await world.drive(deleteRecords(request, context));
  expect(topics[0]?.partitions.map(({ errorCode }) => errorCode)).toEqual([7, 7, 7, 7]);
  expect(world.clock.monotonicMs() - startMs).toBeLessThan(3_000);
  await world.close();
});
