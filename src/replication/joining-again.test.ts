import { expect, test } from "vitest";
import type { ChainEffect } from "./chain-effect.ts";
import type { ChainInput } from "./chain-input.ts";
import { ChainReplica } from "./chain-replica.ts";
import type { EpochEnd } from "./epoch-table.ts";
import type { Member } from "./member.ts";

const limits = {
  lagTimeMaxMs: 1_000,
  retryMs: 100,
  windowBytesMax: 1_000,
  appendBytesMax: 1_000,
};
const [head, joiner] = ["a", "b"].map((name, at) => {
  return { id: at + 1, incarnation: name, lineage: name };
}) as [Member, Member];

type Epochs = (end: number) => readonly EpochEnd[];

type Sent = Extract<ChainEffect, { kind: "send" }>;

function messagesOf(effects: readonly ChainEffect[]): Sent[] {
  return effects.filter((effect) => effect.kind === "send");
}

/** A replica of a compacted log, and all that it wanted done. */
class Side {
  readonly effects: ChainEffect[] = [];
  readonly member: Member;
  readonly replica: ChainReplica;

  constructor(member: Member, end: number, epochs: Epochs) {
    this.member = member;
    let session = 0;
    const ports = {
      lease: { holds: () => true },
      epochs: () => epochs(this.replica.marks.end),
      begin: () => 0,
      mayHaveGaps: () => true,
      nextSession: () => (session += 1),
    };
    const log = { logStart: 0, end, committed: end, written: end, flushed: end };
    const rules = { durability: "fsync", minInsyncReplicas: 1 } as const;
    this.replica = new ChainReplica({ member, ...log, ...rules }, ports, limits);
  }

  get end(): number {
    return this.replica.marks.end;
  }

  get isCut(): boolean {
    return this.effects.some(({ kind }) => kind === "truncate" || kind === "restart");
  }

  step(input: ChainInput): ChainEffect[] {
    const effects = this.replica.step(input, 0);
    this.effects.push(...effects);
    return [...effects, ...effects.flatMap((effect) => this.#answer(effect))];
  }

  #answer(effect: ChainEffect): ChainEffect[] {
    if (effect.kind === "appendReplicated") return this.grow(effect.next);
    if (effect.kind === "truncate") {
      const end = effect.offset;
      return this.step({ kind: "truncated", logStart: 0, end, written: end, flushed: end });
    }
    if (effect.kind !== "read" || effect.offset === this.end) return [];
    return this.step({ ...effect, kind: "loaded", next: this.end, sizeBytes: 10 });
  }

  hear(peer: Member, sent: Sent | undefined): ChainEffect[] {
    return sent === undefined ? [] : this.step({ ...sent, kind: "message", peer });
  }

  grow(end: number): ChainEffect[] {
    const appended = this.step({ kind: "appended", end });
    return [...appended, ...this.step({ kind: "stored", written: end, flushed: end })];
  }
}

class Pair {
  readonly #unclean: number;
  /** Compaction took all records of epochs 2 and 3, of which this table still tells. */
  readonly head = new Side(head, 10, (endOffset) => [
    { epoch: 1, endOffset: 5 },
    { epoch: 2, endOffset: 7 },
    { epoch: 3, endOffset },
  ]);
  readonly joiner: Side;
  #link = 0;

  constructor(end: number, unclean = 0) {
    const copied: Epochs = (endOffset) => (endOffset > 0 ? [{ epoch: 1, endOffset }] : []);
    this.joiner = new Side(joiner, end, copied);
    this.#unclean = unclean;
    this.beginEpoch(5);
  }

  beginEpoch(epoch: number): void {
    const places = { members: [head], joining: [joiner], leaving: [], replicas: [1, 2] };
    for (const side of [this.head, this.joiner]) {
      side.step({ kind: "config", config: { epoch, unclean: this.#unclean, ...places } });
    }
  }

  connect(): void {
    this.#link += 1;
    this.head.step({ kind: "linkOpened", link: this.#link, peer: joiner });
    this.deliver(this.joiner.step({ kind: "linkOpened", link: this.#link, peer: head }), this.head);
  }

  disconnect(): void {
    for (const side of [this.head, this.joiner]) {
      side.step({ kind: "linkClosed", link: this.#link });
    }
  }

  /** Until nobody has anything more to say. */
  deliver(effects: readonly ChainEffect[], to: Side): void {
    const from = to === this.head ? this.joiner : this.head;
    for (const sent of messagesOf(effects)) this.deliver(to.hear(from.member, sent), from);
  }
}

test("a joiner that may have been appended is not cut at another handshake", () => {
  const pair = new Pair(0);
  pair.connect();
  expect(pair.joiner.end).toBe(10);
  pair.deliver(pair.head.step({ kind: "tick" }), pair.joiner);
  // What the joiner holds is committed now, and it does not hear of that any more.
  const [sent] = messagesOf(pair.head.grow(12));
  const [answer] = messagesOf(pair.joiner.hear(head, sent));
  pair.head.hear(joiner, answer);
  expect(pair.head.replica.marks.committed).toBe(12);
  expect(pair.joiner.replica.marks.committed).toBeLessThan(12);
  const asks = pair.head.effects.flatMap((effect) =>
    effect.kind === "ask" ? effect.ask.kind : [],
  );
  expect(asks).toContain("append");
  pair.disconnect();
  pair.connect();
  expect(pair.joiner.isCut).toBe(false);
  expect(pair.joiner.end).toBe(12);
  expect(pair.joiner.replica.marks.committed).toBe(12);
});

test("since an unclean start a joiner to a compacted log keeps nothing, be it committed", () => {
  const pair = new Pair(10, 4);
  pair.connect();
  expect(pair.joiner.effects).toContainEqual({ kind: "truncate", offset: 0 });
  expect(pair.joiner.end).toBe(10);
});

test("what it copied since an unclean start it keeps as far as tables agree", () => {
  const pair = new Pair(10, 4);
  pair.connect();
  pair.deliver(pair.head.step({ kind: "tick" }), pair.joiner);
  expect(pair.joiner.replica.marks.committed).toBe(10);
  pair.disconnect();
  pair.joiner.effects.length = 0;
  pair.beginEpoch(6);
  pair.connect();
  const cuts = pair.joiner.effects.filter(({ kind }) => kind === "truncate");
  expect(cuts).toEqual([{ kind: "truncate", offset: 5 }]);
  expect(pair.joiner.end).toBe(10);
});

test("what it was sent is not foreign, though tables have no epoch in common", () => {
  const pair = new Pair(0);
  pair.connect();
  pair.disconnect();
  pair.connect();
  const told = messagesOf(pair.head.effects).map(({ message }) => message);
  expect(told.findLast(({ kind }) => kind === "helloOk")).toMatchObject({
    common: 10,
    commonEpoch: 5,
  });
});
