import { expect, test } from "vitest";
import { PullGroup } from "../../../../test/support/pull-group.ts";

/** Answers what `one` is told whose fetch waits when it leaves by another call. */
async function leaveWhileWaiting(group: PullGroup): Promise<unknown> {
  const waiting = group.fetch("one", { waitMs: 30_000 }).catch((error: unknown) => error);
  await group.node.settle();
  await group.leave("one");
  await group.node.advance("6s");
  return await waiting;
}

test("who leaves while its fetch waits is out, and the fetch is told", async () => {
  const group = await PullGroup.open();
  await group.node.createTopic("orders", 2);
  await group.settle("one", "two");
  expect(await leaveWhileWaiting(group)).toMatchObject({ code: "UNKNOWN_MEMBER_ID" });
  expect(await group.settle("two")).toEqual({ two: [0, 1] });
});

test("so is the last one of a group, which may come again", async () => {
  const group = await PullGroup.open();
  await group.node.createTopic("orders", 1);
  await group.fetch("one");
  expect(await leaveWhileWaiting(group)).toMatchObject({ code: "UNKNOWN_MEMBER_ID" });
  await expect(group.leave("one")).rejects.toMatchObject({ code: "UNKNOWN_MEMBER_ID" });
  expect(await group.fetch("one")).toMatchObject({ hasJoined: true });
});

test("and what is deleted behind it is not made again", async () => {
  const group = await PullGroup.open();
  await group.node.createTopic("orders", 1);
  await group.fetch("one");
  const waiting = group.fetch("one", { waitMs: 30_000 }).catch((error: unknown) => error);
  await group.node.settle();
  await group.leave("one");
  expect(await group.node.groups.delete("g")).toBeNull();
  await group.node.advance("6s");
  expect(await waiting).toMatchObject({ code: "UNKNOWN_MEMBER_ID" });
  expect(group.node.groups.describe("g")).toBeUndefined();
});

/** A first fetch of a group that is there; answers it with its member, that far along. */
async function fetchAt(turns: number, waitMs = 0) {
  const group = await PullGroup.open();
  await group.node.createTopic("orders", 1);
  // The group is there, and has not been in the topic.
  await group.fetch("other");
  await group.leave("other");
  await group.node.groups.deleteOffsets("g", [{ topic: "orders", partition: 0 }]);
  await group.node.advance("1s");
  const fetching = group.fetch("one", { waitMs }).then(() => "records", codeOf);
  for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
  return { group, fetching };
}

const codeOf = (error: { code: string }): string => error.code;

/** Whether `one` is in the group, which it leaves. */
async function endOf(group: PullGroup): Promise<boolean> {
  const isIn = await group.leave("one").then(
    () => true,
    () => false,
  );
  await group.node.stop();
  return isIn;
}

/** Of what happens at each of these moments of a fetch, each possible thing does, and no other. */
async function expectOf(possible: readonly unknown[], at: (turns: number) => Promise<unknown>) {
  const seen: unknown[] = [];
  for (let turns = 0; turns < 60; turns += 1) seen.push(await at(turns));
  for (const one of seen) expect(possible).toContainEqual(one);
  for (const one of possible) expect(seen).toContainEqual(one);
}

test("who leaves in the middle of its first fetch is out, if it was in", async () => {
  const possible = [
    { told: ["UNKNOWN_MEMBER_ID", "records"], isIn: true },
    { told: ["left", "UNKNOWN_MEMBER_ID"], isIn: false },
    { told: ["left", "records"], isIn: false },
  ];
  await expectOf(possible, async (turns) => {
    const { group, fetching } = await fetchAt(turns);
    const leaving = group.leave("one").then(() => "left", codeOf);
    await group.node.settle();
    return { told: [await leaving, await fetching], isIn: await endOf(group) };
  });
});

test("nor is a group made again that is deleted meanwhile", async () => {
  const possible = [
    { told: ["UNKNOWN_MEMBER_ID", "NON_EMPTY_GROUP", "records"], isIn: true },
    { told: ["UNKNOWN_MEMBER_ID", null, "UNKNOWN_MEMBER_ID"], isIn: false },
    { told: ["UNKNOWN_MEMBER_ID", null, "records"], isIn: false },
  ];
  await expectOf(possible, async (turns) => {
    const { group, fetching } = await fetchAt(turns);
    const leaving = group.leave("one").then(() => "left", codeOf);
    for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
    const deleted = await group.node.groups.delete("g");
    await group.node.settle();
    return { told: [await leaving, deleted, await fetching], isIn: await endOf(group) };
  });
});

test("a fetch that would wait is told at once, whenever its member leaves", async () => {
  const possible = ["UNKNOWN_MEMBER_ID", "waits"];
  await expectOf(possible, async (turns) => {
    const { group, fetching } = await fetchAt(turns, 30_000);
    const left = await group.leave("one").then(() => "left", codeOf);
    await group.node.advance("1s");
    const told = await Promise.race([fetching, Promise.resolve("waits")]);
    await group.node.advance("30s");
    await fetching;
    await endOf(group);
    return left === "left" && told === "waits" ? "sleeps" : told;
  });
});
