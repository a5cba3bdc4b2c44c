import { describe, expect, test } from "vitest";
import { GroupBroker } from "../../../test/support/group-broker.ts";
import { append, readValues } from "../../../test/support/log-directory.ts";

const own = { "retention.acknowledged": "true", "segment.records": "3" };

async function fill(
  node: GroupBroker,
  count: number,
  configs: Readonly<Record<string, string>> = own,
): Promise<void> {
  const topic = await node.createTopic("orders", 2, configs);
  for (const partition of topic.partitions) {
    for (let at = 0; at < count; at += 1) await append(partition, [String(at)]);
  }
}

async function starts(node: GroupBroker): Promise<number[]> {
  await node.broker.retention.evictAll();
  return node.broker.topics.find("orders")!.partitions.map(({ logStart }) => logStart);
}

describe("retention.acknowledged", () => {
  test("what every group with an offset has passed goes, to the record", async () => {
    const node = await GroupBroker.open();
    await fill(node, 10);
    await node.commit("fast", "orders", 8);
    expect(await starts(node)).toEqual([8, 0]);
    const [partition] = node.broker.topics.find("orders")!.partitions;
    expect(await readValues(partition!, 8)).toEqual(["8", "9"]);
    await node.commit("fast", "orders", 9, { partition: 1 });
    await node.commit("slow", "orders", 9);
    // What `slow` has not passed of the other partition it may still read.
    expect(await starts(node)).toEqual([9 - 1, 0]);
    await node.commit("slow", "orders", 4, { partition: 1 });
    await node.commit("fast", "orders", 10);
    expect(await starts(node)).toEqual([9, 4]);
  });

  test("without a group nothing goes, and an offset past the end takes what there is", async () => {
    const node = await GroupBroker.open();
    await fill(node, 5);
    expect(await starts(node)).toEqual([0, 0]);
    await node.commit("g", "others", 5);
    expect(await starts(node)).toEqual([0, 0]);
    await node.commit("g", "orders", 1_000);
    expect(await starts(node)).toEqual([5, 0]);
  });

  test("named groups count alone, and hold everything until they commit", async () => {
    const node = await GroupBroker.open();
    await fill(node, 5, { ...own, "retention.acknowledged.groups": "a,b" });
    await node.commit("a", "orders", 4);
    await node.commit("stranger", "orders", 1);
    expect(await starts(node)).toEqual([0, 0]);
    await node.commit("b", "orders", 3);
    expect(await starts(node)).toEqual([3, 0]);
  });

  test("an offset committed for an earlier topic of the name does not count", async () => {
    const node = await GroupBroker.open();
    await fill(node, 5);
    await node.commit("g", "orders", 4, { topicId: new Uint8Array(16).fill(9) });
    expect(await starts(node)).toEqual([0, 0]);
    const { id } = node.broker.topics.find("orders")!;
    await node.commit("g", "orders", 4, { topicId: id });
    expect(await starts(node)).toEqual([4, 0]);
  });

  test("a restart keeps what was passed; unloaded groups keep all", async () => {
    const node = await GroupBroker.open();
    await fill(node, 9);
    await node.commit("g", "orders", 4);
    expect(await starts(node)).toEqual([4, 0]);
    await node.commit("g", "orders", 6, { partition: 1 });
    await node.stop();
    const next = await GroupBroker.open({}, node.clock, node.disk);
    expect(next.broker.topics.find("orders")!.partitions[0]!.logStart).toBe(4);
    await next.groups.loading().done;
    expect(await starts(next)).toEqual([4, 6]);
    await next.commit("g", "orders", 5);
    await next.groups.close();
    expect(await starts(next)).toEqual([4, 6]);
  });

  test("an offset holds past its expiry until its group is deleted by name", async () => {
    const node = await GroupBroker.open({
      "offsets.retention.minutes": 60,
      "offsets.retention.check.interval.ms": 60_000,
    });
    await fill(node, 9);
    await node.createTopic("plain");
    for (const topic of ["orders", "plain"]) {
      await node.commit("lost", topic, 2, { retentionMs: 120_000 });
      await node.commit("kept", topic, 7);
    }
    await node.advance("3h");
    expect([node.offsets("lost"), node.offsets("kept")]).toEqual([["orders-0@2"], ["orders-0@7"]]);
    const after = await node.restart();
    await after.advance("3h");
    expect(await starts(after)).toEqual([2, 0]);
    expect(await after.groups.delete("lost")).toBeNull();
    expect(await starts(after)).toEqual([7, 0]);
  });

  test("an offset expires again once the topic asks for it no more", async () => {
    const node = await GroupBroker.open({
      "offsets.retention.minutes": 60,
      "offsets.retention.check.interval.ms": 60_000,
    });
    await fill(node, 3);
    await node.commit("g", "orders", 2);
    await node.advance("2h");
    expect(node.offsets("g")).toEqual(["orders-0@2"]);
    await node.broker.topics.configure("orders", () => new Map());
    await node.advance("2m");
    expect(node.groupNames()).toEqual([]);
  });
});
