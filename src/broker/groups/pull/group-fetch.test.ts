import { describe, expect, test } from "vitest";
import { PullGroup } from "../../../../test/support/pull-group.ts";

async function open(partitions = 1): Promise<PullGroup> {
  const group = await PullGroup.open();
  await group.node.createTopic("orders", partitions);
  return group;
}

describe("a member that is alone", () => {
  test("joins with its first fetch and is told its name", async () => {
    const group = await open();
    const first = await group.fetch(undefined);
    expect(first).toMatchObject({ epoch: 1, hasJoined: true, records: [] });
    expect(first.assignment).toEqual([{ topic: "orders", partitions: [0] }]);
    const again = await group.fetch(first.member);
    expect(again).toMatchObject({ member: first.member, epoch: 1, hasJoined: false });
  });

  test("gets what it has not acknowledged again, and then what is behind it", async () => {
    const group = await open();
    await group.append("orders", 0, "a", "b", "c");
    const first = await group.fetch("m", { limit: 2 });
    expect(first.values).toEqual(["a", "b"]);
    expect((await group.fetch("m", { limit: 2 })).values).toEqual(["a", "b"]);
    await group.ack("m", { cursor: first.cursor });
    expect((await group.fetch("m")).values).toEqual(["c"]);
  });

  test("goes on behind the records in hand when it names their cursor", async () => {
    const group = await open(2);
    await group.append("orders", 0, "a", "b");
    await group.append("orders", 1, "x", "y");
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let count = 0; count < 5; count++) {
      const more = cursor === undefined ? {} : { cursor };
      const fetched = await group.fetch("m", { limit: 1, ...more });
      seen.push(...fetched.values);
      ({ cursor } = fetched);
    }
    expect(seen.toSorted()).toEqual(["a", "b", "x", "y"]);
    await group.ack("m", { cursor: cursor ?? "" });
    expect(group.node.offsets("g")).toEqual(["orders-0@2", "orders-1@2"]);
  });

  test("acknowledges single offsets: exactly those are committed", async () => {
    const group = await open(2);
    await group.append("orders", 0, "a", "b", "c");
    await group.fetch("m");
    await group.ack("m", { offsets: [{ topic: "orders", partition: 0, offset: 2 }] });
    expect(group.node.offsets("g")).toEqual(["orders-0@2", "orders-1@0"]);
    expect((await group.fetch("m")).values).toEqual(["c"]);
  });

  test.each([
    ["earliest", ["old", "new"]],
    ["latest", ["new"]],
  ] as const)("begins at the %s, once and for all", async (reset, values) => {
    const group = await open();
    await group.append("orders", 0, "old");
    await group.fetch("m", { reset });
    await group.append("orders", 0, "new");
    expect((await group.fetch("m", { reset })).values).toEqual(values);
    expect((await group.fetch("other", { reset })).values).toEqual([]);
  });

  test("goes on at the log's start when records were removed before it came", async () => {
    const group = await open();
    await group.append("orders", 0, "a", "b", "c");
    await group.fetch("m");
    await group.node.broker.topics.find("orders")?.partitions[0]?.deleteRecordsBefore(2);
    expect((await group.fetch("m")).values).toEqual(["c"]);
  });

  test("waits for records, and is answered as soon as they come", async () => {
    const group = await open();
    await group.fetch("m");
    const waiting = group.fetch("m", { waitMs: 30_000 });
    await group.node.advance("20s");
    await group.append("orders", 0, "a");
    await group.node.settle();
    expect((await waiting).values).toEqual(["a"]);
  });

  test("a wait ends when its time is over or its client has gone", async () => {
    const group = await open();
    const over = group.fetch("m", { waitMs: 3_000 });
    await group.node.advance("3s");
    expect((await over).records).toEqual([]);
    const gone = new AbortController();
    const aborted = group.fetch("m", { waitMs: 30_000, signal: gone.signal });
    await group.node.settle();
    gone.abort();
    expect((await aborted).records).toEqual([]);
  });

  test("stays in the group while it waits longer than its session", async () => {
    const group = await open();
    await group.fetch("m");
    const waiting = group.fetch("m", { waitMs: 60_000 });
    await group.node.advance("60s");
    expect(await waiting).toMatchObject({ hasJoined: false, epoch: 1 });
  });

  test("may read several topics, and changes them with a fetch", async () => {
    const group = await open();
    await group.node.createTopic("payments");
    await group.append("payments", 0, "p");
    await group.fetch("m");
    await group.node.advance("1s");
    const both = await group.fetch("m", { topics: ["orders", "payments"] });
    expect(both.assignment.map(({ topic }) => topic).toSorted()).toEqual(["orders", "payments"]);
    expect(both.values).toEqual(["p"]);
  });

  test("gets the partitions that are added to its topic", async () => {
    const group = await open();
    await group.settle("m");
    await group.node.broker.topics.addPartitions("orders", 3);
    expect(await group.settle("m")).toEqual({ m: [0, 1, 2] });
  });
});

describe("members", () => {
  test("share partitions, and hand over what they have acknowledged", async () => {
    const group = await open(4);
    expect(await group.settle("one")).toEqual({ one: [0, 1, 2, 3] });
    const { one, two } = await group.settle("one", "two");
    expect(new Set([one, two].flat())).toEqual(new Set([0, 1, 2, 3]));
    expect([one?.length, two?.length]).toEqual([2, 2]);
  });

  test("who names records in hand keeps their partition until they are acknowledged", async () => {
    const group = await open(2);
    await group.append("orders", 0, "a");
    await group.append("orders", 1, "b");
    const { cursor } = await group.fetch("one");
    await group.fetch("two");
    await group.node.advance("1s");
    await group.fetch("one", { cursor });
    expect((await group.fetch("two")).records).toEqual([]);
    await group.ack("one", { cursor });
    await group.fetch("one", { cursor });
    const { assignment, values } = await group.fetch("two");
    expect(assignment[0]?.partitions).toHaveLength(1);
    expect(values, "it is acknowledged").toEqual([]);
  });

  test("records in hand do not keep a partition for ever", async () => {
    const group = await open(2);
    await group.append("orders", 0, "a");
    await group.append("orders", 1, "b");
    const { cursor } = await group.fetch("one");
    await group.fetch("two");
    for (let second = 0; second < 12; second++) {
      await group.node.advance("1s");
      await group.fetch("one", { cursor });
    }
    expect((await group.fetch("two")).values).toHaveLength(1);
    await expect(group.ack("one", { cursor })).rejects.toMatchObject({
      code: "STALE_MEMBER_EPOCH",
    });
  });

  test("a waiting member is told at once what another one gives up", async () => {
    const group = await open(2);
    await group.append("orders", 0, "a");
    await group.append("orders", 1, "b");
    await group.settle("one");
    const waiting = group.fetch("two", { waitMs: 30_000 });
    await group.node.advance("1s");
    await group.fetch("one");
    await group.node.advance("100ms");
    expect((await waiting).values).toHaveLength(1);
  });

  test("who leaves makes room at once", async () => {
    const group = await open(2);
    await group.settle("one", "two");
    await group.leave("one");
    expect(await group.settle("two")).toEqual({ two: [0, 1] });
    await expect(group.leave("one")).rejects.toMatchObject({ code: "UNKNOWN_MEMBER_ID" });
  });

  test("who is silent for the session timeout is replaced, and can not acknowledge", async () => {
    const group = await open();
    await group.append("orders", 0, "a", "b");
    const { cursor } = await group.fetch("one");
    await group.fetch("two");
    await group.node.advance("44s");
    expect((await group.fetch("two")).records).toEqual([]);
    await group.node.advance("2s");
    expect((await group.fetch("two")).values).toEqual(["a", "b"]);
    const gone = { code: "UNKNOWN_MEMBER_ID" };
    await expect(group.ack("one", { cursor })).rejects.toMatchObject(gone);
    const back = await group.fetch("one", { cursor });
    expect([back.hasJoined, back.values]).toEqual([true, []]);
    await expect(group.ack("one", { cursor })).rejects.toMatchObject({
      code: "STALE_MEMBER_EPOCH",
    });
    expect(group.node.offsets("g")).toEqual(["orders-0@0"]);
  });

  test("a cursor of an earlier time in the group does not count", async () => {
    const group = await open();
    await group.append("orders", 0, "a", "b");
    const { cursor } = await group.fetch("one");
    await group.leave("one");
    await group.node.advance("1s");
    await group.fetch("two", { limit: 1 });
    await group.ack("two", { offsets: [{ topic: "orders", partition: 0, offset: 1 }] });
    await group.leave("two");
    await group.node.advance("1s");
    expect((await group.fetch("one", { cursor })).values).toEqual(["b"]);
  });

  test("calls of one member side by side do not hinder each other", async () => {
    const group = await open(4);
    await group.settle("one");
    const calls: Promise<unknown>[] = [];
    for (const count of [1, 2, 3, 4, 5]) {
      await group.append("orders", count % 4, "a");
      for (const member of ["one", "two", "one", "three"]) calls.push(group.fetch(member));
      await group.node.advance("250ms");
    }
    expect(await Promise.all(calls)).toHaveLength(20);
  });

  test("acknowledging is a sign of life", async () => {
    const group = await open();
    await group.append("orders", 0, "a", "b");
    await group.fetch("one");
    for (const offset of [1, 2]) {
      await group.node.advance("40s");
      await group.ack("one", { offsets: [{ topic: "orders", partition: 0, offset }] });
    }
    expect((await group.fetch("one")).hasJoined).toBe(false);
  });
});

describe("a stale acknowledgement", () => {
  test("of partitions that another member has is refused whole", async () => {
    const group = await open(2);
    await group.append("orders", 0, "a");
    await group.append("orders", 1, "b");
    const { cursor } = await group.fetch("one");
    const { one = [], two = [] } = await group.settle("one", "two");
    expect([one.length, two.length]).toEqual([1, 1]);
    const stale = { code: "STALE_MEMBER_EPOCH" };
    await expect(group.ack("one", { cursor })).rejects.toMatchObject(stale);
    const offsets = [{ topic: "orders", partition: two[0] ?? -1, offset: 1 }];
    await expect(group.ack("one", { offsets })).rejects.toMatchObject(stale);
    expect(group.node.offsets("g")).toEqual(["orders-0@0", "orders-1@0"]);
  });

  test("of a partition that was kept is taken, though the epoch has risen", async () => {
    const group = await open(2);
    const before = await group.fetch("one");
    const { one = [] } = await group.settle("one", "two");
    await group.append("orders", one[0] ?? -1, "a");
    const offsets = [{ topic: "orders", partition: one[0] ?? -1, offset: 1 }];
    await group.ack("one", { offsets, epoch: before.epoch });
    expect(group.node.offsets("g")).toContain(`orders-${one[0]}@1`);
  });

  test.each([
    ["no cursor", "INVALID_REQUEST"],
    ["1~orders:0", "INVALID_REQUEST"],
    ["1~nothing:0:0", "UNKNOWN_TOPIC_OR_PARTITION"],
    ["1~orders:7:0", "UNKNOWN_TOPIC_OR_PARTITION"],
    ["1~orders:0:9", "OFFSET_OUT_OF_RANGE"],
    ["9~orders:0:0", "STALE_MEMBER_EPOCH"],
  ])("the cursor %s is refused with %s", async (cursor, code) => {
    const group = await open();
    await group.fetch("m");
    await expect(group.ack("m", { cursor })).rejects.toMatchObject({ code });
  });
});

describe("what is refused", () => {
  test.each([
    [{ topics: [] }, "INVALID_REQUEST"],
    [{ topics: ["nothing"] }, "UNKNOWN_TOPIC_OR_PARTITION"],
    [{ member: "" }, "INVALID_REQUEST"],
    [{ member: "m".repeat(256) }, "INVALID_REQUEST"],
    [{ cursor: "7~" }, "INVALID_REQUEST"],
  ])("a fetch of %j: %s", async (ask, code) => {
    const group = await open();
    await expect(group.fetch("m", ask)).rejects.toMatchObject({ code });
    expect(group.node.groupNames()).toEqual([]);
  });

  test("a group with classic members, until they are gone", async () => {
    const group = await open();
    const memberId = await group.node.stabilize("g");
    const refused = { code: "INCONSISTENT_GROUP_PROTOCOL" };
    await expect(group.fetch("m")).rejects.toMatchObject(refused);
    await group.node.groups.leave("g", [{ memberId, instanceId: null }]);
    expect(await group.fetch("m")).toMatchObject({ hasJoined: true });
    expect((await group.node.join("g")).error).toBe("INCONSISTENT_GROUP_PROTOCOL");
    await group.leave("m");
    expect((await group.node.join("g")).error).toBeNull();
  });
});

test.each(["stop", "crash"] as const)(
  "after a restart (%s) members, partitions and positions are the same",
  async (how) => {
    const group = await open(2);
    await group.append("orders", 0, "a", "b");
    await group.append("orders", 1, "c");
    const before = await group.settle("one", "two");
    const owner = before["one"]?.includes(0) === true ? "one" : "two";
    await group.ack(owner, { offsets: [{ topic: "orders", partition: 0, offset: 1 }] });
    await group.restart(how);
    expect((await group.fetch(owner)).values).toEqual(["b"]);
    expect((await group.fetch(owner)).hasJoined).toBe(false);
    expect(await group.settle("one", "two")).toEqual(before);
  },
);

test("every tenth callback fails, and the sum of all records is still right", async () => {
  const group = await open(3);
  const numbers = Array.from({ length: 100 }, (_, index) => index + 1);
  for (const number of numbers) await group.append("orders", number % 3, String(number));
  let calls = 0;
  const done = new Map<string, number>();
  const handle = (place: string, value: string): boolean => {
    if (++calls % 10 === 0) return false;
    done.set(place, Number(value));
    return true;
  };
  while (done.size < numbers.length) {
    for (const member of ["one", "two"]) {
      const { records, values } = await group.fetch(member, { limit: 7 });
      const bad = records.findIndex(
        ({ partition, offset }, at) => !handle(`${partition}-${offset}`, values[at] ?? ""),
      );
      const good = bad === -1 ? records : records.slice(0, bad);
      const last = new Map(good.map(({ partition, offset }) => [partition, offset + 1]));
      const offsets = [...last].map(([partition, offset]) => ({
        topic: "orders",
        partition,
        offset,
      }));
      await group.ack(member, { offsets });
    }
    await group.node.advance("100ms");
  }
  expect([...done.values()].reduce((sum, value) => sum + value, 0)).toBe(5_050);
  expect(group.node.offsets("g")).toEqual(["orders-0@33", "orders-1@34", "orders-2@33"]);
});

test("with retention.acknowledged what the group has acknowledged goes, nothing else", async () => {
  const group = await PullGroup.open();
  const own = { "retention.acknowledged": "true", "segment.records": "2" };
  await group.node.createTopic("orders", 1, own);
  await group.append("orders", 0, "a", "b");
  await group.append("orders", 0, "c", "d");
  const { cursor } = await group.fetch("m", { limit: 2 });
  const log = group.node.broker.topics.find("orders")?.partitions[0];
  await group.node.broker.retention.evictAll();
  expect(log?.logStart).toBe(0);
  await group.ack("m", { cursor });
  await group.node.broker.retention.evictAll();
  expect(log?.logStart).toBe(2);
  expect((await group.fetch("m")).values).toEqual(["c", "d"]);
});
