import { expect, test } from "vitest";
import type { ChainConfig } from "./chain-config.ts";
import type { ChainEffect } from "./chain-effect.ts";
import type { ChainInput } from "./chain-input.ts";
import type { ChainMessage } from "./chain-message.ts";
import { ChainReplica } from "./chain-replica.ts";
import type { EpochEnd } from "./epoch-table.ts";
import type { Member } from "./member.ts";

const [a, b, c] = ["a", "b", "c"].map((name, at): Member => {
  return { id: at + 1, incarnation: name, lineage: name };
}) as [Member, Member, Member];
const limits = { lagTimeMaxMs: 1_000, retryMs: 100, windowBytesMax: 100, appendBytesMax: 60 };
const empty = { logStart: 0, end: 0, committed: 0, written: 0, flushed: 0 };

function config(epoch: number, members: Member[], more: Partial<ChainConfig> = {}): ChainConfig {
  return { epoch, members, joining: [], leaving: [], unclean: 0, replicas: [1, 2, 3], ...more };
}

/** A replica, its clock, and what it wants done. */
class Stage {
  nowMs = 0;
  isLeased = true;
  epochs: readonly EpochEnd[] = [];
  /** Of the batch that the log start divides. */
  begin = Infinity;
  readonly replica: ChainReplica;

  constructor(member: Member, minInsyncReplicas = 1, start: Partial<typeof empty> = {}) {
    let session = 0;
    const ports = {
      lease: { holds: () => this.isLeased },
      epochs: () => this.epochs,
      begin: () => Math.min(this.begin, this.replica.marks.logStart),
      mayHaveGaps: () => false,
      nextSession: () => (session += 1),
    };
    const log = { ...empty, ...start, durability: "fsync" as const, minInsyncReplicas };
    this.replica = new ChainReplica({ member, ...log }, ports, limits);
  }

  step(input: ChainInput): ChainEffect[] {
    return this.replica.step(input, this.nowMs);
  }

  hear(peer: Member, message: ChainMessage, link = peer.id): ChainEffect[] {
    return this.step({ kind: "message", link, peer, message });
  }

  /** Ticks until that time, and what came of it. */
  tickTo(nowMs: number, everyMs = 50): ChainEffect[] {
    const effects: ChainEffect[] = [];
    while (this.nowMs < nowMs) {
      this.nowMs += everyMs;
      effects.push(...this.step({ kind: "tick" }));
    }
    return effects;
  }
}

const hello = { kind: "hello", epoch: 1, session: 1, logStart: 0, end: 0, epochs: [] } as const;

function ack(written: number, own = written): ChainMessage {
  const held = { written, flushed: written, logStart: 0, logStartMax: 0 };
  return { kind: "ack", epoch: 1, session: 1, ...held, ownWritten: own, ownFlushed: own };
}

/** A head whose successor has shaken hands. */
function openHead(minInsyncReplicas = 1): Stage {
  const stage = new Stage(a, minInsyncReplicas);
  stage.step({ kind: "config", config: config(1, [a, b]) });
  stage.hear(b, hello);
  stage.hear(b, ack(0));
  return stage;
}

/** A tail on its connection, with the session that it has asked for. */
function openTail(): Stage {
  const stage = new Stage(b);
  stage.step({ kind: "config", config: config(1, [a, b]) });
  stage.step({ kind: "linkOpened", link: a.id, peer: a });
  const common = { common: 0, commonEpoch: -1, committed: 0 };
  stage.hear(a, { kind: "helloOk", epoch: 1, session: 1, ...common });
  return stage;
}

function kinds(effects: readonly ChainEffect[]): string[] {
  return effects.map((effect) => (effect.kind === "send" ? effect.message.kind : effect.kind));
}

test("a successor that writes nothing is sent no more than a window of bytes", () => {
  const head = openHead();
  let effects = head.step({ kind: "appended", end: 1_000 });
  let sentBytes = 0;
  for (let offset = 0; kinds(effects).includes("read"); offset += 10) {
    const read = effects.find((effect) => effect.kind === "read");
    expect(read).toMatchObject({ offset, link: b.id, session: 1 });
    const sizeBytes = Math.min(30, read?.sizeBytesMax ?? 0);
    sentBytes += sizeBytes;
    const loaded = { kind: "loaded", link: b.id, session: 1, offset } as const;
    effects = head.step({ ...loaded, next: offset + 10, sizeBytes });
  }
  expect(sentBytes).toBe(limits.windowBytesMax);
  // What it has written makes room.
  expect(kinds(head.hear(b, ack(10)))).toContain("read");
});

test("a read that was for another place is not sent", () => {
  const head = openHead();
  head.step({ kind: "appended", end: 20 });
  const loaded = { kind: "loaded", link: b.id, session: 1, next: 20, sizeBytes: 5 } as const;
  expect(head.step({ ...loaded, offset: 10 })).toEqual([]);
  expect(kinds(head.step({ ...loaded, offset: 0 }))).toContain("append");
});

test("what a full disk took back is sent to nobody, and asked of no joiner", () => {
  const alone = new Stage(a);
  alone.step({ kind: "config", config: config(1, [a]) });
  alone.step({ kind: "appended", end: 4 });
  alone.step({ kind: "stored", written: 4, flushed: 4 });
  alone.step({ kind: "appended", end: 9 });
  // A new epoch counts all that is there as acknowledged.
  alone.step({ kind: "config", config: config(2, [a]) });
  alone.step({ kind: "takenBack", end: 4 });
  expect(alone.replica.knowsLatest(0)).toBe(true);
  alone.step({ kind: "config", config: config(2, [a], { joining: [b] }) });
  alone.hear(b, { ...hello, epoch: 2 });
  const told = (offset: number): ChainMessage => ({ ...ack(offset), epoch: 2 }) as ChainMessage;
  expect(kinds(alone.hear(b, told(0)))).toContain("read");
  alone.step({ kind: "loaded", link: b.id, session: 1, offset: 0, next: 4, sizeBytes: 9 });
  expect(kinds([...alone.hear(b, told(4)), ...alone.tickTo(200)])).toContain("ask");
});

test("a joiner is sent nothing that a full disk may still take back", () => {
  const alone = new Stage(a, 1, { end: 4, written: 2, flushed: 2 });
  alone.step({ kind: "config", config: config(2, [a], { joining: [b] }) });
  // It was the successor until now, and has what is not written here yet.
  const epochs = (alone.epochs = [{ epoch: 1, endOffset: 4 }]);
  expect(alone.hear(b, { ...hello, epoch: 2, end: 4, epochs })).toEqual([]);
  alone.epochs = [{ epoch: 1, endOffset: 2 }];
  const [answer] = alone.step({ kind: "takenBack", end: 2 });
  expect(answer).toMatchObject({ message: { kind: "helloOk", common: 2 } });
  const told = (offset: number): ChainMessage => ({ ...ack(offset), epoch: 2 }) as ChainMessage;
  alone.hear(b, told(2));
  expect(kinds(alone.step({ kind: "appended", end: 6 }))).not.toContain("read");
  alone.step({ kind: "takenBack", end: 2 });
  expect(kinds(alone.step({ kind: "appended", end: 5 }))).not.toContain("read");
  expect(kinds(alone.step({ kind: "stored", written: 5, flushed: 5 }))).toContain("read");
});

test("a joiner begins at a whole batch, and is appended once it has deleted as much", () => {
  const log = { logStart: 3, end: 5, committed: 5, written: 5, flushed: 5 };
  const stage = new Stage(a, 1, log);
  stage.begin = 0;
  stage.epochs = [{ epoch: 1, endOffset: 5 }];
  stage.step({ kind: "config", config: config(1, [a], { joining: [b] }) });
  // It is where an earlier session left it: at a log start that divides a batch.
  const [answer] = stage.hear(b, { ...hello, logStart: 3, end: 3 });
  expect(answer).toMatchObject({ message: { kind: "helloOk", common: 0 } });
  stage.hear(b, ack(0));
  stage.step({ kind: "loaded", link: b.id, session: 1, offset: 0, next: 5, sizeBytes: 9 });
  const asks = (told: ChainMessage): string[] =>
    kinds([...stage.hear(b, told), ...stage.tickTo(stage.nowMs + 200)]);
  expect(asks(ack(5))).not.toContain("ask");
  expect(asks({ ...ack(5), logStart: 3 } as ChainMessage)).toContain("ask");
});

test("a joiner without records may begin below the log start that it was told", () => {
  const at = { logStart: 3, end: 3, committed: 3, written: 3, flushed: 3 };
  const joiner = new Stage(b, 1, at);
  joiner.step({ kind: "config", config: config(1, [a], { joining: [b] }) });
  joiner.step({ kind: "linkOpened", link: a.id, peer: a });
  const answer = { kind: "helloOk", epoch: 1, session: 1, common: 0 } as const;
  const effects = joiner.hear(a, { ...answer, commonEpoch: -1, committed: 5 });
  expect(effects).toContainEqual({ kind: "restart", offset: 0 });
});

test("an Ack of what was never sent ends the session", () => {
  const head = openHead();
  expect(kinds(head.hear(b, ack(5)))).toEqual(["reject"]);
});

test("a chain that becomes too short by a setting refuses who waits", () => {
  const head = openHead();
  const effects = head.step({ kind: "settings", durability: "os", minInsyncReplicas: 3 });
  expect(effects).toEqual([{ kind: "refuseWaiting", code: "NOT_ENOUGH_REPLICAS_AFTER_APPEND" }]);
  expect(head.replica.refusalOfAppend(-1, 0)).toBe("NOT_ENOUGH_REPLICAS");
  expect(head.replica.refusalOfAppend(1, 0)).toBeUndefined();
});

test("who waits for a head whose lease ends is refused, once", () => {
  const head = openHead();
  head.step({ kind: "appended", end: 1 });
  head.tickTo(50);
  head.isLeased = false;
  const refusal = { kind: "refuseWaiting", code: "NOT_LEADER_OR_FOLLOWER" };
  const refusals = head.tickTo(500).filter(({ kind }) => kind === "refuseWaiting");
  expect(refusals).toEqual([refusal]);
  head.isLeased = true;
  head.step({ kind: "lease" });
  head.isLeased = false;
  expect(head.tickTo(550)).toContainEqual(refusal);
});

test("committed follows the durability that the topic has now", () => {
  const stage = new Stage(a);
  stage.step({ kind: "config", config: config(1, [a]) });
  stage.step({ kind: "appended", end: 3 });
  expect(stage.step({ kind: "stored", written: 3, flushed: 0 })).toEqual([]);
  const effects = stage.step({ kind: "settings", durability: "os", minInsyncReplicas: 1 });
  expect(effects).toEqual([{ kind: "commit", offset: 3 }]);
});

test("a flush that a client asks the head for goes down the chain at once", () => {
  const head = openHead();
  const [sent] = head.step({ kind: "flushAsked", offset: 7 });
  expect(sent).toMatchObject({ kind: "send", message: { kind: "append", flush: 7 } });
  const tail = openTail();
  const append = { base: 0, next: 0, committed: 0, logStart: 0, flush: 7, isFresh: true };
  const effects = tail.hear(a, { kind: "append", epoch: 1, session: 1, ...append });
  expect(effects).toContainEqual({ kind: "flush", offset: 7 });
});

test("a successor that never comes is reported, but not by a node that has slept itself", () => {
  const head = new Stage(a);
  head.step({ kind: "config", config: config(1, [a, b]) });
  head.step({ kind: "tick" });
  expect(kinds(head.tickTo(1_000))).not.toContain("ask");
  const report = { kind: "report", epoch: 1, stalled: b, isReachable: false };
  expect(head.tickTo(1_100)).toContainEqual({ kind: "ask", ask: report });
  head.nowMs = 60_000;
  expect(head.tickTo(60_900)).toEqual([]);
});

test("a Hello without an answer is sent again, each time later", () => {
  const tail = new Stage(b);
  tail.step({ kind: "config", config: config(1, [a, b]) });
  tail.step({ kind: "linkOpened", link: 1, peer: a });
  const sentAt: number[] = [];
  for (let nowMs = 10; nowMs <= 3_000; nowMs += 10) {
    if (kinds(tail.tickTo(nowMs, 10)).includes("hello")) sentAt.push(nowMs);
  }
  expect(sentAt.slice(0, 4)).toEqual([100, 300, 700, 1_200]);
});

test.each([
  [false, ["reject"]],
  [true, ["reject", "ask"]],
])("what the log does not take is asked for again later: full %s", (isFull, told) => {
  const tail = openTail();
  const append = { base: 0, next: 4, committed: 0, logStart: 0, flush: 0, isFresh: true };
  const effects = tail.hear(a, { kind: "append", epoch: 1, session: 1, ...append });
  expect(effects).toContainEqual({ kind: "appendReplicated", base: 0, next: 4 });
  expect(kinds(tail.step({ kind: "refused", isFull }))).toEqual(told);
  expect(kinds(tail.tickTo(limits.retryMs))).toContain("hello");
});

test("a member whose predecessor knows less of it stops for good", () => {
  const tail = new Stage(b, 1, { end: 5, written: 5, flushed: 5 });
  tail.step({ kind: "config", config: config(1, [a, b]) });
  tail.step({ kind: "linkOpened", link: 1, peer: a });
  const common = { common: 3, commonEpoch: 0, committed: 0 };
  const effects = tail.hear(a, { kind: "helloOk", epoch: 1, session: 1, ...common });
  expect(kinds(effects)).toEqual(["halt"]);
  expect(tail.step({ kind: "config", config: config(2, [b]) })).toEqual([]);
  expect(tail.replica.refusalOfAppend(1, 0)).toBe("NOT_LEADER_OR_FOLLOWER");
  expect(tail.replica.refusalOfRead(0)).toBe("NOT_LEADER_OR_FOLLOWER");
});

test("joiners come one after the other: the second is not taken on before its turn", () => {
  const tail = new Stage(a);
  tail.step({ kind: "config", config: config(1, [a], { joining: [b, c] }) });
  expect(kinds(tail.hear(c, hello))).toEqual(["reject"]);
  expect(kinds(tail.hear(b, hello))).toEqual(["helloOk"]);
  const second = new Stage(c);
  const effects = second.step({ kind: "config", config: config(1, [a], { joining: [b, c] }) });
  expect(kinds(effects)).toEqual(["beginEpoch"]);
  const later = second.step({ kind: "config", config: config(2, [a, b], { joining: [c] }) });
  expect(later).toContainEqual({ kind: "want", nodeId: b.id });
});

test("a chain of one commits what it holds, with nobody to ask", () => {
  const stage = new Stage(a);
  stage.step({ kind: "config", config: config(1, [a]) });
  stage.step({ kind: "appended", end: 2 });
  const effects = stage.step({ kind: "stored", written: 2, flushed: 2 });
  expect(effects).toEqual([{ kind: "commit", offset: 2 }]);
  expect(stage.tickTo(10_000)).toEqual([]);
});

test("a joiner that is made the chain by hand while it truncates waits for the end of that", () => {
  const start = { end: 5, written: 5, flushed: 5 };
  const joiner = new Stage(b, 1, start);
  joiner.step({ kind: "config", config: config(1, [a], { joining: [b] }) });
  joiner.step({ kind: "linkOpened", link: 1, peer: a });
  const common = { common: 2, commonEpoch: 0, committed: 0 };
  const cut = joiner.hear(a, { kind: "helloOk", epoch: 1, session: 1, ...common });
  expect(cut).toEqual([{ kind: "truncate", offset: 2 }]);
  const alone = { kind: "config", config: config(2, [b], { unclean: 2 }) } as const;
  expect(kinds(joiner.step(alone))).not.toContain("commit");
  expect(joiner.replica.refusalOfAppend(1, 0)).toBe("NOT_LEADER_OR_FOLLOWER");
  const effects = joiner.step({ kind: "truncated", logStart: 0, end: 2, written: 2, flushed: 2 });
  expect(effects).toEqual([{ kind: "commit", offset: 2 }]);
  expect(joiner.replica.refusalOfAppend(1, 0)).toBeUndefined();
});

test("a joiner with all records deleted is not cut by a head that has committed none", () => {
  const head = new Stage(a, 2, { end: 2, written: 2, flushed: 2 });
  head.step({ kind: "config", config: config(1, [a], { joining: [b] }) });
  const effects = head.hear(b, { ...hello, logStart: 2, end: 2 });
  expect(effects).toMatchObject([{ message: { kind: "helloOk", common: 2, committed: 0 } }]);
});

test("a log that parts from the chain's below where that begins now has nothing to keep", () => {
  const head = new Stage(a, 1, { logStart: 5, end: 9, committed: 5, written: 9, flushed: 9 });
  head.epochs = [
    { epoch: 1, endOffset: 3 },
    { epoch: 4, endOffset: 9 },
  ];
  head.step({ kind: "config", config: config(6, [a], { joining: [b] }) });
  const epochs = [
    { epoch: 1, endOffset: 3 },
    { epoch: 2, endOffset: 8 },
  ];
  const effects = head.hear(b, { ...hello, epoch: 6, logStart: 0, end: 8, epochs });
  expect(effects).toMatchObject([{ message: { common: 5, commonEpoch: -1 } }]);
  const joiner = new Stage(b, 1, { end: 8, written: 8, flushed: 8 });
  joiner.step({ kind: "config", config: config(6, [a], { joining: [b] }) });
  joiner.step({ kind: "linkOpened", link: 1, peer: a });
  const common = { common: 5, commonEpoch: -1, committed: 5 };
  const cut = joiner.hear(a, { kind: "helloOk", epoch: 6, session: 1, ...common });
  expect(cut).toEqual([{ kind: "restart", offset: 5 }]);
});

test("an outsider that is named a joiner begins the epoch that goes on", () => {
  const stage = new Stage(c);
  const before = stage.step({ kind: "config", config: config(3, [a, b]) });
  expect(kinds(before)).not.toContain("beginEpoch");
  const named = stage.step({ kind: "config", config: config(3, [a, b], { joining: [c] }) });
  expect(named[0]).toEqual({ kind: "beginEpoch", epoch: 3 });
  const again = stage.step({ kind: "config", config: config(3, [a, b], { joining: [c] }) });
  expect(kinds(again)).not.toContain("beginEpoch");
});

/** A lone head with ten records held, and a joiner that has shaken hands and has none. */
function openSolo(): Stage {
  const stage = new Stage(a, 1, { end: 10, written: 10, flushed: 10, committed: 10 });
  stage.epochs = [{ epoch: 1, endOffset: 10 }];
  stage.step({ kind: "config", config: config(1, [a], { joining: [b] }) });
  stage.hear(b, hello);
  stage.hear(b, ack(0));
  stage.tickTo(50);
  return stage;
}

test("a joiner is copied to until what is committed waits for it; a successor never", () => {
  const solo = openSolo();
  expect(solo.replica.copyingTo(b.id, 1)).toEqual(b);
  expect(solo.replica.copyingTo(b.id, 2)).toBeUndefined();
  expect(solo.replica.copyingTo(c.id, 1)).toBeUndefined();
  const loaded = { kind: "loaded", link: b.id, session: 1, offset: 0, next: 10 } as const;
  solo.step({ ...loaded, sizeBytes: 50 });
  expect(solo.replica.copyingTo(b.id, 1)).toEqual(b);
  solo.hear(b, ack(10));
  expect(solo.replica.copyingTo(b.id, 1)).toBeUndefined();
  expect(openHead().replica.copyingTo(b.id, 1)).toBeUndefined();
});

test("a joiner that is kept waiting is not reported, and is once it is not", () => {
  const solo = openSolo();
  for (let nowMs = 100; nowMs <= 5_000; nowMs += 100) {
    solo.step({ kind: "paced" });
    expect(kinds(solo.tickTo(nowMs))).not.toContain("ask");
  }
  expect(kinds(solo.tickTo(6_500))).toContain("ask");
});

test("what was committed before an unclean start is so for a joiner only when it is again", () => {
  const joiner = new Stage(b, 1, { end: 9, committed: 9, written: 9, flushed: 9 });
  joiner.epochs = [{ epoch: 2, endOffset: 9 }];
  const after = config(4, [a], { joining: [b], unclean: 3 });
  joiner.step({ kind: "config", config: after });
  joiner.step({ kind: "linkOpened", link: 1, peer: a });
  const common = { common: 9, commonEpoch: 2, committed: 5 };
  const cut = joiner.hear(a, { kind: "helloOk", epoch: 4, session: 1, ...common });
  expect(cut).toEqual([{ kind: "truncate", offset: 5 }]);
  joiner.epochs = [{ epoch: 2, endOffset: 5 }];
  const again = joiner.step({ kind: "truncated", logStart: 0, end: 5, written: 5, flushed: 5 });
  expect(again).toMatchObject([{ message: { kind: "hello", session: 2, end: 5 } }]);
  expect(joiner.replica.marks.committed).toBe(5);
});

test("a head that leaves does not say what is latest: its successor may lead by now", () => {
  const head = openHead();
  expect([head.replica.knowsLatest(0), head.replica.isLeaving]).toEqual([true, false]);
  head.step({ kind: "config", config: config(2, [a, b], { leaving: [a.id] }) });
  expect([head.replica.knowsLatest(0), head.replica.isLeaving]).toEqual([false, true]);
  head.step({ kind: "config", config: config(3, [a, b]) });
  expect(head.replica.isLeaving).toBe(false);
});
