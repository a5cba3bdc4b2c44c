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

/** A first fetch that is that far when its member leaves; answers what became of each. */
async function leaveAfter(turns: number): Promise<unknown> {
  const codeOf = (error: { code: string }): string => error.code;
  const group = await PullGroup.open();
  await group.node.createTopic("orders", 1);
  // The group is there, and has not been in the topic.
  await group.fetch("other");
  await group.leave("other");
  await group.node.groups.deleteOffsets("g", [{ topic: "orders", partition: 0 }]);
  await group.node.advance("1s");
  const fetching = group.fetch("one").then(() => "records", codeOf);
  for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
  const leaving = group.leave("one").then(() => "left", codeOf);
  await group.node.settle();
  const told = [await leaving, await fetching];
  const isIn = await group.leave("one").then(
    () => true,
    () => false,
  );
  await group.node.stop();
  return { told, isIn };
}

test("who leaves in the middle of its first fetch is out, if it was in", async () => {
  const seen: unknown[] = [];
  for (let turns = 0; turns < 60; turns += 1) seen.push(await leaveAfter(turns));
  const possible = [
    { told: ["UNKNOWN_MEMBER_ID", "records"], isIn: true },
    { told: ["left", "UNKNOWN_MEMBER_ID"], isIn: false },
    { told: ["left", "records"], isIn: false },
  ];
  for (const one of seen) expect(possible).toContainEqual(one);
  for (const one of possible) expect(seen).toContainEqual(one);
});
