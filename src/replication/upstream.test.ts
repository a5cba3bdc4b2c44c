import { expect, test } from "vitest";
import type { ChainInput } from "./chain-input.ts";
import { ChainReplica } from "./chain-replica.ts";
import type { EpochEnd } from "./epoch-table.ts";
import type { Member } from "./member.ts";

const limits = { lagTimeMaxMs: 1_000, retryMs: 100, windowBytesMax: 100, appendBytesMax: 60 };
const [head, joiner] = ["a", "b"].map((name, at) => {
  return { id: at + 1, incarnation: name, lineage: name };
}) as [Member, Member];

/** What a joiner that knows nine records as committed does when four are the end in common. */
function goBack(isCompacted: boolean, epochs?: readonly EpochEnd[]): string[] {
  const log = { logStart: 0, end: 9, committed: 9, written: 9, flushed: 9 };
  const ports = {
    lease: { holds: () => true },
    epochs: () => [
      { epoch: 1, endOffset: 4 },
      { epoch: 2, endOffset: 9 },
    ],
    begin: () => 0,
    isCompacted: () => isCompacted,
    nextSession: () => 1,
  };
  const rules = { durability: "fsync", minInsyncReplicas: 1 } as const;
  const replica = new ChainReplica({ member: joiner, ...log, ...rules }, ports, limits);
  const places = { leaving: [], unclean: 0, replicas: [1, 2] };
  const config = { epoch: 5, members: [head], joining: [joiner], ...places };
  const step = (input: ChainInput): string[] => replica.step(input, 0).map(({ kind }) => kind);
  step({ kind: "config", config });
  step({ kind: "linkOpened", link: 1, peer: head });
  const common = { common: 4, commonEpoch: 1, committed: 9, ...(epochs && { epochs }) };
  const message = { kind: "helloOk", epoch: 5, session: 1, ...common } as const;
  return step({ kind: "message", link: 1, peer: head, message });
}

test("a joiner that would go back behind its committed offset stops", () => {
  expect(goBack(false)).toEqual(["halt"]);
});

test("but for what compaction may have taken from its predecessor", () => {
  const first = { epoch: 1, endOffset: 9 };
  expect(goBack(true, [first, { epoch: 5, endOffset: 12 }])).toEqual(["truncate"]);
  // Of whom it does not hear, it believes so.
  expect(goBack(true)).toEqual(["truncate"]);
});

test("what its predecessor has lost, or has other records of, compaction has not taken", () => {
  const first = { epoch: 1, endOffset: 4 };
  expect(goBack(true, [first])).toEqual(["halt"]);
  expect(goBack(true, [first, { epoch: 5, endOffset: 12 }])).toEqual(["halt"]);
});
