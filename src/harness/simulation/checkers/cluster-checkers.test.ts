import { describe, expect, test } from "vitest";
import type { HistoryEvent, StoredBatch, TopicRules } from "../history.ts";
import type { NewEvent } from "../world.ts";
import { checkClusterHistory } from "./check-cluster-history.ts";

const plain: TopicRules = { durability: "fsync", hasRetention: false, isCompacted: false };
const lax: TopicRules = { ...plain, durability: "os" };
const partition = "T-0";

/** `checker: text` of everything that is complained of; events in their order, a second apart. */
function complaintsOf(events: readonly NewEvent[], rules = plain): string[] {
  const made = { kind: "topicCreated", topicId: "T", name: "t", partitions: 1, rules } as const;
  const history = [made, ...events].map(
    (event, at) => ({ ...event, atMs: at * 1_000 }) as HistoryEvent,
  );
  const { complaints } = checkClusterHistory(history, []);
  return complaints.map(({ checker, text }) => `${checker}: ${text}`);
}

const who = (text: string) => ({ nodeId: Number(text[0]), incarnation: text });
const chain = (epoch: number, ...members: string[]): NewEvent => ({
  kind: "chain",
  partition,
  epoch,
  members: members.map(who),
});
const sent = (...stamps: string[]): NewEvent => ({
  kind: "sent",
  partition,
  stamps,
  isIdempotent: true,
});
const acked = (baseOffset: number, stamp: string, askedAt = 0): NewEvent => ({
  kind: "acked",
  partition,
  baseOffset,
  stamps: [stamp],
  askedAt,
});
const read = (from: number, stamp: string, askedAt = 99): NewEvent => ({
  kind: "read",
  reader: "r",
  partition,
  from,
  askedAt,
  records: [{ offset: from, stamp }],
});
const final = (logStart: number, ...stamps: string[]): NewEvent => ({
  kind: "final",
  partition,
  askedAt: 99,
  end: {
    logStart,
    committed: logStart + stamps.length,
    records: stamps.map((stamp, at) => ({ offset: logStart + at, stamp })),
    unreadable: [],
  },
});
const power = (nodeId: number): NewEvent => ({ kind: "unsyncedLost", nodeId });
const rotted = (nodeId: number, lastOffset = 0): NewEvent => ({
  kind: "rotted",
  partition,
  nodeId,
  lastOffset,
});
const healed = (nodeId: number): NewEvent => ({ kind: "healed", partition, nodeId });
const wiped = (nodeId: number): NewEvent => ({ kind: "diskLost", nodeId });

describe("acknowledged stays, in a chain", () => {
  const begin = [chain(1, "1a", "2a"), sent("p/1/0"), acked(0, "p/1/0", 2)];

  test("what all acknowledged may go with the disks of all, and no sooner", () => {
    const told = "acknowledged stays: T-0@0: acknowledged p/1/0, found nothing";
    expect(complaintsOf([...begin, wiped(1), final(0)])).toContain(told);
    const replaced = [chain(2, "2a"), chain(3, "2a", "1b"), wiped(2), final(0)];
    expect(complaintsOf([...begin, wiped(1), ...replaced])).toContain(told);
    expect(complaintsOf([...begin, wiped(1), chain(2, "2a"), wiped(2), final(0)])).toEqual([]);
  });

  test("a copy that rots counts as lost, in every life, until it has healed", () => {
    const told = "acknowledged stays: T-0@0: acknowledged p/1/0, found nothing";
    expect(complaintsOf([...begin, rotted(1), wiped(2), healed(1), final(0)])).toEqual([]);
    expect(complaintsOf([...begin, rotted(1), healed(1), wiped(2), final(0)])).toContain(told);
    const back = [chain(2, "2a", "1b"), wiped(2), healed(1), final(0)];
    expect(complaintsOf([...begin, rotted(1), ...back])).toEqual([]);
    // Node 2 has it still.
    expect(complaintsOf([...begin, rotted(1), chain(2, "1b"), healed(1), final(0)])).toContain(
      told,
    );
  });

  test("with the power of all only where nothing is flushed first", () => {
    const events = [...begin, power(1), power(2), final(0)];
    expect(complaintsOf(events, lax)).toEqual([]);
    expect(complaintsOf(events)).not.toEqual([]);
    expect(complaintsOf([...begin, power(1), final(0)], lax)).not.toEqual([]);
    // It ends in a life that no chain has named yet, and one does before it is missed.
    const joiner: NewEvent = { kind: "unsyncedLost", nodeId: 3, incarnation: "3a" };
    const late = [...begin, joiner, chain(2, "2a", "3a"), chain(3, "3a"), final(0)];
    expect(complaintsOf(late, lax)).toEqual([]);
    expect(complaintsOf(late)).not.toEqual([]);
    const former: NewEvent = { kind: "unsyncedLost", nodeId: 3, incarnation: "3" };
    expect(complaintsOf([...begin, former, ...late.slice(4)], lax)).not.toEqual([]);
  });

  test("what the head alone acknowledged may go with the head", () => {
    const alone = { ...acked(0, "p/1/0", 2), isOfHeadAlone: true } as NewEvent;
    const events = [chain(1, "1a", "2a"), sent("p/1/0"), alone];
    expect(complaintsOf([...events, chain(2, "2a"), final(0)])).toEqual([]);
    expect(complaintsOf([...events, chain(2, "1a"), final(0)])).toEqual([
      "acknowledged stays: T-0@0: acknowledged p/1/0, found nothing",
    ]);
  });

  test("what somebody read stays as well", () => {
    expect(complaintsOf([sent("p/1/0"), read(0, "p/1/0", 1), final(0)])).toContain(
      "acknowledged stays: T-0@0: read p/1/0, found nothing",
    );
  });
});

test("two readers that see different records are complained of, whoever lost power", () => {
  const events = [chain(1, "1a", "2a"), sent("p/1/0", "p/2/0"), read(0, "p/1/0", 2), power(1)];
  expect(complaintsOf([...events, read(0, "p/2/0", 5)], lax)).toEqual([
    "committed never changes: T-0@0: was p/1/0, r sees p/2/0",
  ]);
});

test("a latest offset that falls is complained of, unless the answer was on its way", () => {
  const latest = (offset: number, askedAt: number): NewEvent => ({
    kind: "latest",
    partition,
    offset,
    askedAt,
  });
  const events = [chain(1, "1a", "2a"), latest(10, 1), latest(12, 1)];
  expect(complaintsOf([...events, latest(8, 4)])).toEqual([
    "latest never falls: T-0: latest 12 became 8",
  ]);
  expect(complaintsOf([...events, latest(10, 3)])).toEqual([]);
  expect(complaintsOf([...events, wiped(1), wiped(2), latest(0, 6)])).toEqual([]);
  // Its disk is lost in a life that no chain has named yet, and one does afterwards.
  const back: NewEvent = { kind: "diskLost", nodeId: 1, incarnation: "1b" };
  expect(complaintsOf([...events, back, chain(2, "1b"), latest(0, 6)])).toEqual([]);
  expect(complaintsOf([...events, wiped(1), chain(2, "1b"), latest(0, 6)])).not.toEqual([]);
  // What was asked for before the loss was on its way as it came.
  const late = latest(14, 2);
  expect(complaintsOf([...events, wiped(1), wiped(2), late, latest(0, 7)])).toEqual([]);
  const stored = [sent("p/1/0"), acked(4, "p/1/0"), latest(3, 3)];
  expect(complaintsOf(stored)).toEqual(["latest never falls: T-0: latest 5 became 3"]);
});

test("deleted records that are read again, or went unasked, are complained of", () => {
  const asked: NewEvent = { kind: "deleteAsked", partition, before: 1 };
  const deleted: NewEvent = { kind: "deleted", partition, logStart: 1, askedAt: 0 };
  const begin = [sent("p/1/0", "p/2/0"), asked, deleted];
  expect(complaintsOf([...begin, read(0, "p/1/0", 2)])).toEqual([]);
  expect(complaintsOf([...begin, read(0, "p/1/0", 4)])).toEqual([
    "deleted stays deleted: T-0@0: read although it was deleted before 1",
  ]);
  expect(complaintsOf([...begin, final(2)])).toEqual([
    "deleted stays deleted: T-0: begins at 2, nobody deleted past 1",
  ]);
});

test("who was taken out need not know of a deletion for ten seconds, and no longer", () => {
  const asked: NewEvent = { kind: "deleteAsked", partition, before: 1 };
  const deleted: NewEvent = { kind: "deleted", partition, logStart: 1, askedAt: 0 };
  const begin = [chain(1, "1a", "2a", "3a"), sent("p/1/0", "p/2/0"), asked];
  const by = (nodeId: number, askedAt: number) =>
    ({ ...read(0, "p/1/0", askedAt), nodeId }) as NewEvent;
  const told = ["deleted stays deleted: T-0@0: read although it was deleted before 1"];
  const gone = [...begin, chain(2, "1a", "3a"), deleted];
  expect(complaintsOf([...gone, by(2, 6)])).toEqual([]);
  expect(complaintsOf([...gone, by(3, 6)])).toEqual(told);
  expect(complaintsOf([...gone, read(0, "p/1/0", 6)])).toEqual(told);
  // It was told of it before it went, or when it came back.
  expect(complaintsOf([...begin, deleted, chain(2, "1a", "3a"), by(2, 6)])).toEqual(told);
  expect(complaintsOf([...gone, chain(3, "1a", "3a", "2a"), by(2, 7)])).toEqual(told);
  expect(complaintsOf([...gone, chain(3, "1a", "3a", "2a"), by(2, 6)])).toEqual([]);
  const later = Array.from({ length: 9 }, (_, at) => chain(3 + at, "1a", "3a"));
  expect(complaintsOf([...gone, ...later.slice(1), by(2, 6)])).toEqual([]);
  expect(complaintsOf([...gone, ...later, by(2, 6)])).toEqual(told);
});

test("rot that nobody mends, and damage where nothing rotted, are complained of", () => {
  const events = [chain(1, "1a", "2a"), sent("p/1/0"), rotted(1)];
  const end = final(0, "p/1/0");
  expect(complaintsOf([...events, healed(1), end])).toEqual([]);
  expect(complaintsOf([...events, end])).toEqual([
    "damage heals: T-0 at node 1: what rotted up to 0 is still there",
  ]);
  const deleted: NewEvent = { kind: "deleteAsked", partition, before: 1 };
  expect(complaintsOf([...events, deleted, final(1)])).toEqual([]);
  const failed = (askedAt: number): NewEvent => ({
    kind: "readFailed",
    partition,
    offset: 0,
    error: "CORRUPT_MESSAGE",
    askedAt,
  });
  expect(complaintsOf([chain(1, "1a", "2a"), failed(0)])).toEqual([
    "damage heals: T-0@0: CORRUPT_MESSAGE, and nothing is rotten",
  ]);
  expect(complaintsOf([chain(1, "1a", "2a"), power(1), power(2), failed(0)], lax)).toEqual([]);
  // Where one of two healed the other one counts.
  const half: NewEvent = { kind: "healed", partition, nodeId: 1, leftUpTo: -1 };
  expect(complaintsOf([...events, half, end])).toEqual([]);
  expect(complaintsOf([...events, { ...half, leftUpTo: 0 }, end])).toHaveLength(1);
  // It was answered before the copy healed, or asked for after that.
  expect(complaintsOf([...events, failed(0), healed(1), end])).toEqual([]);
  expect(complaintsOf([...events, healed(1), failed(4), end])).toEqual([]);
  expect(complaintsOf([...events, healed(1), failed(5), end])).toHaveLength(1);
});

test("two heads that commit in one epoch, or one without a lease, are complained of", () => {
  const commits = (by: string, epoch: number, isLeased = true): NewEvent => ({
    kind: "commits",
    partition,
    epoch,
    by: who(by),
    isLeased,
    memberCount: 3,
  });
  expect(complaintsOf([commits("1a", 1), commits("1a", 1), commits("2a", 2)])).toEqual([]);
  expect(complaintsOf([commits("1a", 1), commits("1b", 1)])).toEqual([
    "one head an epoch: T-0, epoch 1: node 1 (1a) commits, and so does node 1 (1b)",
  ]);
  expect(complaintsOf([commits("1a", 1, false)])).toEqual([
    "one head an epoch: T-0, epoch 1: node 1 (1a) commits without a lease",
  ]);
});

test("after a restored coordinator epochs come again, and leases are gone for a moment", () => {
  const commits = (by: string, isLeased = true): NewEvent => {
    return { kind: "commits", partition, epoch: 3, by: who(by), isLeased, memberCount: 3 };
  };
  const later = Array.from({ length: 6 }, (_, epoch) => chain(epoch, "1a"));
  const restored: NewEvent = { kind: "restored" };
  expect(complaintsOf([commits("1a"), restored, commits("2a", false)])).toEqual([]);
  expect(complaintsOf([restored, commits("1a"), commits("2a")])).toHaveLength(1);
  expect(complaintsOf([restored, ...later, commits("1a", false)])).toHaveLength(1);
});

test("a head that commits in a chain that is too short is complained of", () => {
  const insync = (replicas: number): NewEvent => ({ kind: "insyncSet", topicId: "T", replicas });
  const commits = (memberCount: number): NewEvent => {
    return { kind: "commits", partition, epoch: 4, by: who("1a"), isLeased: true, memberCount };
  };
  // Events are a second apart: more than ten of them are long enough for everybody to know.
  const later = Array.from({ length: 12 }, (_, epoch) => chain(epoch, "1a"));
  expect(complaintsOf([insync(2), commits(2)])).toEqual([]);
  expect(complaintsOf([insync(2), commits(1)])).toEqual([
    "enough replicas: T-0, epoch 4: node 1 commits with 1 of 2 replicas",
  ]);
  expect(complaintsOf([insync(1), ...later, insync(2), commits(1)])).toEqual([]);
  expect(complaintsOf([insync(1), insync(2), ...later, commits(1)])).not.toEqual([]);
  expect(complaintsOf([insync(2), ...later, insync(1), commits(1)])).toEqual([]);
});

test("a partition that two members of one generation have is complained of", () => {
  const owns = (member: string, generation: number): NewEvent => ({
    kind: "owns",
    group: "g",
    generation,
    member,
    partitions: [partition],
  });
  expect(complaintsOf([owns("a", 1), owns("a", 1), owns("b", 2)])).toEqual([]);
  expect(complaintsOf([owns("a", 1), owns("b", 1)])).toEqual([
    "one owner: g, generation 1, T-0: is a's and b's",
  ]);
  // A rotten copy of the group's records excuses one new beginning.
  const rot: NewEvent = { kind: "groupsRotted" };
  expect(complaintsOf([owns("a", 1), rot, owns("b", 1), owns("b", 1)])).toEqual([]);
  expect(complaintsOf([owns("a", 1), rot, owns("b", 1), owns("a", 1)])).toEqual([
    "one owner: g, generation 1, T-0: is b's and a's",
  ]);
});

describe("replicas are equal", () => {
  const batch = (baseOffset: number, nextOffset: number, sum: number): StoredBatch => ({
    baseOffset,
    nextOffset,
    sum,
  });
  const replica = (nodeId: number, ...batches: StoredBatch[]): NewEvent => ({
    kind: "replica",
    partition,
    nodeId,
    batches,
  });
  const end = [sent("p/1/0", "p/2/0", "p/3/0"), final(0, "p/1/0", "p/2/0", "p/3/0")];
  const whole = replica(1, batch(0, 2, 7), batch(2, 3, 8));

  test("equal ones are, and what is not committed may differ", () => {
    const longer = replica(2, batch(0, 2, 7), batch(2, 3, 8), batch(3, 4, 9));
    expect(complaintsOf([...end, whole, longer])).toEqual([]);
  });

  test("other bytes, a hole and a missing end are complained of", () => {
    const other = replica(2, batch(0, 2, 7), batch(2, 3, 9));
    expect(complaintsOf([...end, whole, other])).toEqual([
      "replicas are equal: T-0@2: nodes 1 and 2 hold different bytes",
    ]);
    expect(complaintsOf([...end, whole, replica(2, batch(2, 3, 8))])).toEqual([
      "replicas are equal: T-0: node 2 lacks 0",
    ]);
    expect(complaintsOf([...end, whole, replica(2, batch(0, 2, 7))])).toEqual([
      "replicas are equal: T-0: node 2 lacks 2",
    ]);
  });

  test("what one replica alone has deleted is a hole", () => {
    const asked: NewEvent = { kind: "deleteAsked", partition, before: 2 };
    expect(complaintsOf([...end, asked, whole, replica(2, batch(2, 3, 8))])).toEqual([
      "replicas are equal: T-0: node 2 lacks 0",
    ]);
  });
});
