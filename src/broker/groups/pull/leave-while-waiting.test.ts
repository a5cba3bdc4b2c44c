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
