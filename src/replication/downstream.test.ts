import { expect, test } from "vitest";
import type { ChainEffect } from "./chain-effect.ts";
import type { ChainInput } from "./chain-input.ts";
import { ChainReplica } from "./chain-replica.ts";
import type { EpochEnd } from "./epoch-table.ts";
import type { Member } from "./member.ts";

const limits = { lagTimeMaxMs: 1_000, retryMs: 100, windowBytesMax: 100, appendBytesMax: 60 };
const [head, other] = ["a", "b"].map((name, at) => {
  return { id: at + 1, incarnation: name, lineage: name };
}) as [Member, Member];

const table = (ends: readonly [epoch: number, endOffset: number][]): EpochEnd[] =>
  ends.map(([epoch, endOffset]) => ({ epoch, endOffset }));

const headTable = table([
  [1, 5],
  [2, 7],
  [3, 9],
]);

/** Compaction has emptied the head's epochs 2 and 3. Answers what is told as common. */
function commonWith(
  epochs: readonly EpochEnd[],
  { isCompacted = true, isMember = true, own = headTable } = {},
): number | undefined {
  const log = { logStart: 0, end: 9, committed: 9, written: 9, flushed: 9 };
  const ports = {
    lease: { holds: () => true },
    epochs: () => own,
    begin: () => 0,
    mayHaveGaps: () => isCompacted,
    nextSession: () => 1,
  };
  const rules = { durability: "fsync", minInsyncReplicas: 1 } as const;
  const replica = new ChainReplica({ member: head, ...log, ...rules }, ports, limits);
  const members = isMember ? [head, other] : [head];
  const places = { joining: isMember ? [] : [other], leaving: [], unclean: 0, replicas: [1, 2] };
  const step = (input: ChainInput): readonly ChainEffect[] => replica.step(input, 0);
  step({ kind: "config", config: { epoch: 5, members, ...places } });
  step({ kind: "linkOpened", link: 1, peer: other });
  const end = epochs.at(-1)?.endOffset ?? 0;
  const hello = { kind: "hello", epoch: 5, session: 1, logStart: 0, end, epochs } as const;
  const effects = step({ kind: "message", link: 1, peer: other, message: hello });
  return effects.flatMap((effect) => {
    return effect.kind === "send" && effect.message.kind === "helloOk" ? effect.message.common : [];
  })[0];
}

test("a member that was copied since compaction does not know of epochs without records", () => {
  expect(commonWith(table([[1, 9]]))).toBe(9);
  expect(commonWith(table([[1, 8]]))).toBe(8);
});

test("nor does a head whose records compaction has taken, all of them", () => {
  expect(commonWith(table([[1, 9]]), { own: [] })).toBe(9);
  expect(commonWith(table([[1, 9]]), { own: [], isCompacted: false })).toBe(0);
});

test("that its log is not the head's otherwise is seen all the same", () => {
  expect(commonWith(table([[1, 9]]), { isCompacted: false })).toBe(5);
  const later = table([
    [1, 5],
    [2, 7],
    [3, 11],
  ]);
  expect(commonWith(later)).toBe(9);
  const crossed = table([
    [1, 3],
    [4, 6],
    [5, 9],
  ]);
  expect(commonWith(crossed)).toBe(3);
});

test("a joiner goes back to where the tables agree", () => {
  expect(commonWith(table([[1, 9]]), { isMember: false })).toBe(5);
});
