import { describe, expect, test } from "vitest";
import { GroupBroker } from "../../../test/support/group-broker.ts";
import { protocol } from "../../../test/support/group-driver.ts";
import { commitOffsets } from "./commit-offsets.ts";
import { fetchOffsets } from "./fetch-offsets.ts";

const subscribed = { protocols: [{ name: "range", metadata: subscription("orders") }] };

function subscription(topic: string): Uint8Array {
  const name = new TextEncoder().encode(topic);
  return Uint8Array.of(0, 0, 0, 0, 0, 1, 0, name.length, ...name, 0xff, 0xff, 0xff, 0xff);
}

describe("a commit", () => {
  test("of nobody in particular makes a group that only holds offsets", async () => {
    const node = await GroupBroker.open();
    expect(await node.commit("g", "orders", 7)).toBeNull();
    const listed = { group: "g", protocolType: "", state: "Empty", type: "classic" };
    expect(node.groups.list().groups).toEqual([listed]);
  });

  test("of a member of an unknown group is told what its version says", async () => {
    const node = await GroupBroker.open();
    const committer = { memberId: "m", instanceId: null, generation: 1 };
    expect(await node.commit("g", "orders", 7, { committer })).toBe("ILLEGAL_GENERATION");
    expect(node.groupNames()).toEqual([]);
  });

  test("of a member is checked by its group", async () => {
    const node = await GroupBroker.open();
    const memberId = await node.stabilize("g");
    const committer = { memberId, instanceId: null, generation: 1 };
    expect(await node.commit("g", "orders", 7, { committer })).toBeNull();
    const old = { ...committer, generation: 0 };
    expect(await node.commit("g", "orders", 8, { committer: old })).toBe("ILLEGAL_GENERATION");
    expect(node.offsets("g")).toEqual(["orders-0@7"]);
  });

  test("with metadata over the limit is refused for that partition", async () => {
    const node = await GroupBroker.open({ "offset.metadata.max.bytes": 4 });
    expect(await node.commit("g", "orders", 7, { metadata: "12345" })).toBe(
      "OFFSET_METADATA_TOO_LARGE",
    );
    expect(await node.commit("g", "orders", 7, { metadata: "1234" })).toBeNull();
  });

  test("of several partitions refuses what is not there, one by one", async () => {
    const node = await GroupBroker.open();
    const { id } = await node.createTopic("orders");
    const asked = { offset: 5, leaderEpoch: -1, metadata: null, partition: 0 };
    const errors = await commitOffsets(node.broker, "g", {
      committer: { memberId: "", instanceId: null, generation: -1 },
      retentionMs: null,
      unknownGroup: "ILLEGAL_GENERATION",
      offsets: [
        { ...asked, topic: { name: "nothing" } },
        { ...asked, topic: { name: "orders" }, partition: 1 },
        { ...asked, topic: { id: new Uint8Array(16) } },
        { ...asked, topic: { name: "orders" }, offset: 2n ** 60n },
        { ...asked, topic: { id } },
      ],
    });
    expect(errors).toEqual([
      "UNKNOWN_TOPIC_OR_PARTITION",
      "UNKNOWN_TOPIC_OR_PARTITION",
      "UNKNOWN_TOPIC_ID",
      "OFFSET_OUT_OF_RANGE",
      null,
    ]);
    expect(node.offsets("g")).toEqual(["orders-0@5"]);
  });

  test("is not readable before it is durable", async () => {
    const node = await GroupBroker.open();
    await node.commit("g", "orders", 1);
    const log =
      node.broker.topics.find("__consumer_offsets")?.partitions[await node.groups.partitionOf("g")];
    const before = log?.committed;
    const committing = node.commit("g", "orders", 2);
    while (log?.committed === before) {
      expect(node.offsets("g")).toEqual(["orders-0@1"]);
      await Promise.resolve();
    }
    await committing;
    expect(node.offsets("g")).toEqual(["orders-0@2"]);
  });

  test("shares its batch with all commits of that moment", async () => {
    const node = await GroupBroker.open();
    await node.commit("g", "orders", 0);
    const log =
      node.broker.topics.find("__consumer_offsets")?.partitions[await node.groups.partitionOf("g")];
    const before = log?.end ?? 0;
    const partitions = Array.from({ length: 20 }, (_, partition) => partition);
    await Promise.all(partitions.map((partition) => node.commit("g", "t", 1, { partition })));
    expect((log?.end ?? 0) - before).toBe(20);
    const read = await log?.read(before, { sizeBytesMax: 1, wholeFirst: true, upTo: log.end });
    const [batch] = read?.chunks ?? [];
    expect(new DataView(batch?.buffer ?? new ArrayBuffer(0), batch?.byteOffset).getInt32(57)).toBe(
      20,
    );
  });

  test("too large for any batch fails alone", async () => {
    const node = await GroupBroker.open({ "offset.metadata.max.bytes": 2_000_000 });
    const metadata = "x".repeat(1_500_000);
    const [large, small] = await Promise.all([
      node.commit("g", "orders", 1, { metadata }),
      node.commit("h", "orders", 2),
    ]);
    expect(large).toBe("UNKNOWN_SERVER_ERROR");
    expect(small).toBeNull();
    expect(node.offsets("g")).toEqual([]);
  });
});

describe("a fetch", () => {
  test("answers -1 for what was never committed", async () => {
    const node = await GroupBroker.open();
    await node.commit("g", "orders", 7);
    expect(node.groups.fetchOffsets("g", [{ topic: "orders", partition: 9 }])).toEqual({
      error: null,
      offsets: [{ topic: "orders", partition: 9, offset: -1, leaderEpoch: -1, metadata: "" }],
    });
  });

  test("by topic id passes over what was committed for another topic of that name", async () => {
    const node = await GroupBroker.open();
    const [one, other] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
    await node.commit("g", "orders", 7, { topicId: one });
    const fetch = (topicId: Uint8Array): number | undefined =>
      node.groups.fetchOffsets("g", [{ topic: "orders", partition: 0, topicId }]).offsets[0]
        ?.offset;
    expect(fetch(one)).toBe(7);
    expect(fetch(other)).toBe(-1);
  });
});

describe("a fetch by name", () => {
  test("passes over what a deleted topic left behind", async () => {
    const node = await GroupBroker.open();
    await node.createTopic("orders");
    await node.createTopic("payments");
    const left = new Uint8Array(16).fill(9);
    await node.commit("g", "orders", 7, { topicId: left });
    await node.commit("g", "payments", 8);
    const wanted = [{ topic: "orders", partition: 0 }];
    expect(fetchOffsets(node.broker, "g", wanted).offsets).toMatchObject([{ offset: -1 }]);
    expect(fetchOffsets(node.broker, "g", null).offsets).toMatchObject([{ topic: "payments" }]);
  });
});

describe("deleting offsets", () => {
  test("leaves those of topics that the group subscribes to", async () => {
    const node = await GroupBroker.open();
    const memberId = await node.stabilize("g", subscribed);
    const committer = { memberId, instanceId: null, generation: 1 };
    await node.commit("g", "orders", 1, { committer });
    await node.commit("g", "payments", 1, { committer });
    const wanted = ["orders", "payments", "never"].map((topic) => ({ topic, partition: 0 }));
    expect(await node.groups.deleteOffsets("g", wanted)).toEqual({
      error: null,
      errors: ["GROUP_SUBSCRIBED_TO_TOPIC", null, null],
    });
    expect(node.offsets("g")).toEqual(["orders-0@1"]);
  });

  test("is refused by a group of another type that has members", async () => {
    const node = await GroupBroker.open();
    await node.stabilize("g", { protocolType: "connect" });
    expect((await node.groups.deleteOffsets("g", [])).error).toBe("NON_EMPTY_GROUP");
  });
});

describe("deleting a group", () => {
  test("takes its offsets along", async () => {
    const node = await GroupBroker.open();
    await node.commit("g", "orders", 1);
    expect(await node.groups.delete("g")).toBeNull();
    expect(node.groupNames()).toEqual([]);
    expect(node.offsets("g")).toEqual([]);
    expect(await node.groups.delete("g")).toBe("GROUP_ID_NOT_FOUND");
  });

  test("takes along what is being committed at that moment", async () => {
    const node = await GroupBroker.open();
    await node.groups.partitionOf("g");
    const committing = node.commit("g", "orders", 1);
    while (node.groups.describe("g") === undefined) await Promise.resolve();
    expect(node.offsets("g")).toEqual([]);
    expect(await node.groups.delete("g")).toBeNull();
    expect(await committing).toBeNull();
    expect(node.offsets("g")).toEqual([]);
    const after = await node.restart();
    expect(after.offsets("g")).toEqual([]);
  });

  test("is refused while it has members", async () => {
    const node = await GroupBroker.open();
    await node.stabilize("g");
    expect(await node.groups.delete("g")).toBe("NON_EMPTY_GROUP");
  });

  test("makes room for a new group of that name at once", async () => {
    const node = await GroupBroker.open();
    await node.stabilize("g");
    await node.advance("10s");
    const [deleted] = await Promise.all([node.groups.delete("g"), node.stabilize("g")]);
    expect(deleted).toBeNull();
    expect(node.groups.describe("g")).toMatchObject({ phase: "Stable" });
    const after = await node.restart();
    expect(after.groups.describe("g")).toMatchObject({ phase: "Stable" });
  });
});

describe("a deleted topic", () => {
  test("takes its offsets along in all groups", async () => {
    const node = await GroupBroker.open();
    await node.createTopic("orders");
    await node.createTopic("payments");
    for (const group of ["g", "h"]) {
      await node.commit(group, "orders", 1);
      await node.commit(group, "payments", 2);
    }
    await node.broker.topics.delete("orders");
    await node.settle();
    expect([node.offsets("g"), node.offsets("h")]).toEqual([["payments-0@2"], ["payments-0@2"]]);
    const after = await node.restart();
    expect(after.offsets("g")).toEqual(["payments-0@2"]);
  });

  test("that held the groups leaves none, and a new one is made on need", async () => {
    const node = await GroupBroker.open();
    await node.commit("g", "orders", 1);
    await node.broker.topics.delete("__consumer_offsets");
    await node.settle();
    expect(node.groupNames()).toEqual([]);
    expect(await node.commit("h", "orders", 2)).toBeNull();
    expect(node.groupNames()).toEqual(["h"]);
  });
});

describe("expiry", () => {
  const settings = {
    "offsets.retention.minutes": 60,
    "offsets.retention.check.interval.ms": 60_000,
  };

  test("drops offsets of an empty group after the retention, and the group with them", async () => {
    const node = await GroupBroker.open(settings);
    await node.commit("g", "orders", 1);
    await node.advance("59m");
    expect(node.offsets("g")).toEqual(["orders-0@1"]);
    await node.advance("1m");
    expect(node.groupNames()).toEqual([]);
    const after = await node.restart();
    expect(after.groupNames()).toEqual([]);
  });

  test("counts from when the last member left", async () => {
    const node = await GroupBroker.open(settings);
    const memberId = await node.stabilize("g", subscribed);
    await node.commit("g", "orders", 1, {
      committer: { memberId, instanceId: null, generation: 1 },
    });
    await node.advance("10s");
    await node.advance("59m");
    expect(node.offsets("g")).toEqual(["orders-0@1"]);
    await node.advance("2m");
    expect(node.groupNames()).toEqual([]);
  });

  test("follows the retention that a commit asked for", async () => {
    const node = await GroupBroker.open(settings);
    await node.commit("g", "orders", 1, { retentionMs: 120_000 });
    await node.commit("g", "payments", 1);
    await node.advance("3m");
    expect(node.offsets("g")).toEqual(["payments-0@1"]);
  });

  test("leaves ids that were handed out alone", async () => {
    const node = await GroupBroker.open(settings);
    const terms = { requiresKnownMemberId: true, sessionTimeoutMs: 600_000 };
    const { memberId } = await node.join("g", { ...terms });
    await node.advance("2m");
    expect((await node.join("g", { memberId, protocols: [protocol("range")] })).error).toBeNull();
  });
});
