import { expect, test } from "vitest";
import { type Uuid, zeroUuid } from "../../base/uuid.ts";
import { PartitionCopy } from "./partition-copy.ts";

const place = { index: 0, leaderId: 1, leaderEpoch: 3 };

function idOf(byte: number): Uuid {
  return new Uint8Array(16).fill(byte);
}

/** Of topic 1 at the source and topic 2 at the target, all ten records copied. */
function copied(): PartitionCopy {
  const copy = new PartitionCopy("orders", 0);
  copy.follow({ topicId: idOf(1), targetId: idOf(2) }, place, place);
  copy.position = 8;
  copy.sourceEnd = 10;
  copy.caughtUpMs = 5;
  copy.noteCopied(10);
  return copy;
}

test.each([
  ["source", { topicId: idOf(3), targetId: idOf(2) }],
  ["target", { topicId: idOf(1), targetId: idOf(3) }],
])("nothing of what was known holds when the topic is another at the %s", (_, ids) => {
  const copy = copied();
  copy.retryLater(1_000_000);
  copy.position = 10;
  expect(copy.sameUpTo).toBe(10);
  expect(copy.follow(ids, place, place)).toBe(true);
  const { position, copied: upTo, sourceEnd, caughtUpMs, retryAtMs, sameUpTo } = copy;
  expect([position, upTo, sourceEnd, caughtUpMs, retryAtMs, sameUpTo]).toEqual([
    undefined,
    0,
    0,
    -1,
    0,
    undefined,
  ]);
});

test("an append to the topic before that is answered late does not count", () => {
  const copy = copied();
  copy.follow({ topicId: idOf(1), targetId: idOf(3) }, place, place);
  copy.noteCopied(10);
  expect(copy.copied).toBe(0);
});

test.each([
  ["the same ids", { topicId: idOf(1), targetId: idOf(2) }],
  ["brokers that have no ids", { topicId: new Uint8Array(16), targetId: zeroUuid }],
])("%s tell of no other topic", (_, ids) => {
  const copy = copied();
  expect(copy.follow(ids, place, place)).toBe(false);
  expect(copy.sameUpTo).toBe(10);
});

test("what a fetch asked for stays, and is not what comes next once that is elsewhere", () => {
  const copy = copied();
  const { wish } = copy;
  expect(copy.wants(wish)).toBe(true);
  copy.position = 9;
  expect([wish.position, copy.wants(wish)]).toEqual([8, false]);
  copy.position = 8;
  copy.follow({ topicId: idOf(1), targetId: idOf(3) }, place, place);
  copy.position = 8;
  expect(copy.wants(wish)).toBe(false);
});
