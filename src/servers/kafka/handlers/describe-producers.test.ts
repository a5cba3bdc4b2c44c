import { afterEach, beforeEach, expect, test } from "vitest";
import { KafkaDoor } from "../../../../test/support/memory-broker.ts";
import { batchOf, RawClient } from "../../../../test/support/raw-client.ts";

let door: KafkaDoor;
let client: RawClient;

beforeEach(async () => {
  door = await KafkaDoor.open();
  client = await RawClient.open(door.port);
  await client.createTopic("orders");
});

afterEach(async () => {
  client.close();
  await door.close();
});

async function describe(index: number) {
  const { topics } = await client.connection.request("DescribeProducers", 0, {
    topics: [{ name: "orders", partitionIndexes: [index] }],
  });
  return topics[0]?.partitions[0];
}

test("idempotent producers are told with their last sequence", async () => {
  const { producerId, producerEpoch } = await client.initProducerId();
  const sender = { producerId, producerEpoch };
  await client.produce(["orders", 0], batchOf(["a", "b"], { ...sender, baseSequence: 0 }));
  await client.produce(["orders", 0], batchOf(["c"], { ...sender, baseSequence: 2 }));
  await client.produce(["orders", 0], batchOf(["plain"]));
  const { errorCode, activeProducers } = (await describe(0)) ?? {};
  expect(errorCode).toBe(0);
  expect(activeProducers).toMatchObject([
    { producerId, producerEpoch, lastSequence: 2, currentTxnStartOffset: -1 },
  ]);
});

test("an unknown partition has an error of its own", async () => {
  expect(await describe(3)).toMatchObject({ errorCode: 3, activeProducers: [] });
});

test("the end of the only leader epoch is the end of the log, others are not known", async () => {
  await client.produce(["orders", 0], batchOf(["a", "b"]));
  const ask = async (leaderEpoch: number, currentLeaderEpoch = -1) => {
    const { topics } = await client.connection.request("OffsetForLeaderEpoch", 4, {
      replicaId: -1,
      topics: [
        { topic: "orders", partitions: [{ partition: 0, leaderEpoch, currentLeaderEpoch }] },
      ],
    });
    const answer = topics[0]?.partitions[0];
    return [answer?.errorCode, answer?.leaderEpoch, answer?.endOffset];
  };
  expect(await ask(0)).toEqual([0, 0, 2]);
  expect(await ask(7)).toEqual([0, -1, -1]);
  expect(await ask(0, 9)).toEqual([75, -1, -1]);
});
