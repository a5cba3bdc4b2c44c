import { expect, test } from "vitest";
import { isExpired, type ExpiringGroup } from "./offset-expiry.ts";

const day = 86_400_000;
const retentionMs = 7 * day;

const offset = {
  topic: "orders",
  offset: 1,
  leaderEpoch: -1,
  metadata: "",
  commitTimestampMs: 100 * day,
  expireTimestampMs: null,
  topicId: null,
};

function group(more: Partial<ExpiringGroup> = {}): ExpiringGroup {
  const subscribedTopics = new Set(["payments"]);
  const plain = { protocolType: "consumer", phase: "Empty", isConsumerGroup: true };
  const isSubscribedTo = (topic: string): boolean =>
    (more.phase ?? "Empty") !== "Empty" && subscribedTopics.has(topic);
  return { ...plain, stateTimestampMs: 103 * day, subscribedTopics, isSubscribedTo, ...more };
}

/** The first day on which the offset is expired; undefined: not within a thousand. */
function expiryDay(of: ExpiringGroup, one: typeof offset | ExplicitOffset): number | undefined {
  for (let at = 100; at < 1_100; at++) {
    if (isExpired(of, one, { wallMs: at * day, retentionMs })) return at;
  }
  return undefined;
}

type ExplicitOffset = Omit<typeof offset, "expireTimestampMs"> & { expireTimestampMs: number };

test("an offset of an empty group expires the retention after the group became empty", () => {
  expect(expiryDay(group(), offset)).toBe(110);
});

test("an offset of an empty group without that time expires the retention after the commit", () => {
  expect(expiryDay(group({ stateTimestampMs: null }), offset)).toBe(107);
});

test("an offset of a group that only holds offsets expires the retention after the commit", () => {
  expect(expiryDay(group({ protocolType: null, isConsumerGroup: false }), offset)).toBe(107);
});

test("an offset with an expiry of its own expires then, whatever the retention", () => {
  expect(expiryDay(group(), { ...offset, expireTimestampMs: 101 * day })).toBe(101);
  expect(expiryDay(group(), { ...offset, expireTimestampMs: 200 * day })).toBe(200);
});

test("an offset of a topic that a group gave up expires the retention after the commit", () => {
  expect(expiryDay(group({ phase: "Stable" }), offset)).toBe(107);
});

test("an offset of a topic that the group subscribes to stays", () => {
  expect(expiryDay(group({ phase: "Stable" }), { ...offset, topic: "payments" })).toBeUndefined();
});

test.each(["PreparingRebalance", "CompletingRebalance"])(
  "an offset stays while the group is in %s",
  (phase) => {
    expect(expiryDay(group({ phase }), offset)).toBeUndefined();
  },
);

test("an offset stays while subscriptions are not known, or the group is of another type", () => {
  const unknown = { phase: "Stable", subscribedTopics: undefined, isSubscribedTo: () => true };
  expect(expiryDay(group(unknown), offset)).toBeUndefined();
  const connect = { phase: "Stable", protocolType: "connect", isConsumerGroup: false };
  expect(expiryDay(group(connect), offset)).toBeUndefined();
});
