import { expect, test } from "vitest";
import type { ChainEffect } from "./chain-effect.ts";
import type { ChainInput } from "./chain-input.ts";
import type { ChainMessage } from "./chain-message.ts";
import { ChainReplica } from "./chain-replica.ts";
import type { EpochEnd } from "./epoch-table.ts";
import type { Member } from "./member.ts";

const limits = { lagTimeMaxMs: 1_000, retryMs: 100, windowBytesMax: 100, appendBytesMax: 60 };
const [head, joiner] = ["a", "b"].map((name, at) => {
  return { id: at + 1, incarnation: name, lineage: name };
}) as [Member, Member];

interface Answer {
  readonly isCompacted: boolean;
  /** Of the joiner's nine records. */
  readonly committed?: number;
  readonly common?: number;
  /** Of its predecessor. */
  readonly epochs?: readonly EpochEnd[];
}

/** What a joiner does that is told where the two logs part, and when it is cut as it wants. */
function join({ isCompacted, committed = 9, common = 4, epochs }: Answer): string[] {
  const log = { logStart: 0, end: 9, committed, written: 9, flushed: 9 };
  const ports = {
    lease: { holds: () => true },
    epochs: () => [
      { epoch: 1, endOffset: 4 },
      { epoch: 2, endOffset: 9 },
    ],
    begin: () => 0,
    mayHaveGaps: () => isCompacted,
    nextSession: () => 1,
  };
  const rules = { durability: "fsync", minInsyncReplicas: 1 } as const;
  const replica = new ChainReplica({ member: joiner, ...log, ...rules }, ports, limits);
  const places = { leaving: [], unclean: 0, replicas: [1, 2] };
  const config = { epoch: 5, members: [head], joining: [joiner], ...places };
  const step = (input: ChainInput): string[] => replica.step(input, 0).map(nameOf);
  step({ kind: "config", config });
  step({ kind: "linkOpened", link: 1, peer: head });
  const told = { common, commonEpoch: 1, committed: 9, ...(epochs && { epochs }) };
  const message = { kind: "helloOk", epoch: 5, session: 1, ...told } as const;
  const effects = step({ kind: "message", link: 1, peer: head, message });
  const end = Number(effects.find((name) => name.startsWith("truncate"))?.split(" ")[1]);
  if (Number.isNaN(end)) return effects;
  const cut = { logStart: 0, end, written: end, flushed: end };
  return [...effects, ...step({ kind: "truncated", ...cut })];
}

function nameOf(effect: ChainEffect): string {
  if (effect.kind === "send") return effect.message.kind;
  return effect.kind === "truncate" ? `truncate ${effect.offset}` : effect.kind;
}

test("a joiner without records begins with the batch that its log start divides", () => {
  const log = { logStart: 3, end: 3, committed: 3, written: 3, flushed: 3 };
  const ports = {
    lease: { holds: () => true },
    epochs: () => [],
    begin: () => undefined,
    mayHaveGaps: () => false,
    nextSession: () => 1,
  };
  const rules = { durability: "fsync", minInsyncReplicas: 1 } as const;
  const replica = new ChainReplica({ member: joiner, ...log, ...rules }, ports, limits);
  const places = { leaving: [], unclean: 0, replicas: [1, 2] };
  const step = (input: ChainInput): ChainEffect[] => replica.step(input, 0);
  const hear = (message: object): ChainEffect[] =>
    step({ kind: "message", link: 1, peer: head, message: message as ChainMessage });
  step({ kind: "config", config: { epoch: 5, members: [head], joining: [joiner], ...places } });
  step({ kind: "linkOpened", link: 1, peer: head });
  const of = { epoch: 5, session: 1, committed: 7 };
  expect(hear({ kind: "helloOk", ...of, common: 3, commonEpoch: 1 }).map(nameOf)).toContain("ack");
  const marks = { logStart: 0, flush: 0, isFresh: true };
  const taken = hear({ kind: "append", ...of, base: 3, next: 7, ...marks });
  expect(taken.map(nameOf)).toContain("appendReplicated");
  const refused = step({ kind: "refused", isFull: false, beginsAt: 2 });
  expect(refused).toEqual([{ kind: "restart", offset: 2 }]);
  const cut = { logStart: 2, end: 2, written: 2, flushed: 2 };
  const [again] = step({ kind: "truncated", ...cut });
  expect(again).toMatchObject({ kind: "send", message: { kind: "hello", logStart: 2, end: 2 } });
  expect(hear({ kind: "helloOk", ...of, common: 2, commonEpoch: 1 }).map(nameOf)).toEqual(["ack"]);
});

test("a joiner that would go back behind its committed offset stops", () => {
  expect(join({ isCompacted: false })).toEqual(["halt"]);
});

test("but for what compaction may have taken from its predecessor", () => {
  const first = { epoch: 1, endOffset: 9 };
  expect(join({ isCompacted: true, epochs: [first, { epoch: 5, endOffset: 12 }] })).toEqual([
    "truncate 4",
    "ack",
  ]);
  // Of whom it does not hear, it believes so.
  expect(join({ isCompacted: true })).toEqual(["truncate 4", "ack"]);
});

test("what its predecessor has lost, or has other records of, compaction has not taken", () => {
  const first = { epoch: 1, endOffset: 4 };
  expect(join({ isCompacted: true, epochs: [first] })).toEqual(["halt"]);
  expect(join({ isCompacted: true, epochs: [first, { epoch: 5, endOffset: 12 }] })).toEqual([
    "halt",
  ]);
});

test("of a compacted log it keeps what it knows as committed: tables are not exact there", () => {
  const known = { committed: 6, common: 8 };
  expect(join({ isCompacted: true, ...known })).toEqual(["truncate 6", "hello"]);
  expect(join({ isCompacted: false, ...known })).toEqual(["truncate 8", "commit", "ack"]);
  expect(join({ isCompacted: true, committed: 9, common: 9 })).toEqual(["ack"]);
});
