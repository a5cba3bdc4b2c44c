import { appendJoiner, cancelJoin, cutDead, cutStalled } from "./failure-rules.ts";
import { drain, handOver, headLeaves, nameJoiner, release } from "./assignment-rules.ts";
import type { ChainRule, ChainSituation, RestoredState, Verdict } from "./chain-situation.ts";
import { renewed, renewUnchanged } from "./restored-rules.ts";
import { goOnFromNewest, takeBack } from "./return-rules.ts";

/** In the order of urgency; the first that has something to say decides (cluster.md, section 4). */
const failureRules: readonly ChainRule[] = [
  goOnFromNewest,
  appendJoiner,
  cutDead,
  takeBack,
  cancelJoin,
  cutStalled,
];
const rules: readonly ChainRule[] = [
  ...failureRules,
  handOver,
  drain,
  release,
  headLeaves,
  nameJoiner,
];

/** The one next step of a chain; undefined: it is as it should be. */
export function decideChain(situation: ChainSituation): Verdict | undefined {
  const { restored } = situation;
  if (restored !== undefined) return decideRestored(situation, restored);
  return firstOf(rules, situation);
}

function decideRestored(situation: ChainSituation, { era, untilMs }: RestoredState): Verdict {
  const isEarly = situation.nowMs < untilMs;
  const verdict = isEarly ? goOnFromNewest(situation) : firstOf(failureRules, situation);
  if (verdict?.kind === "wait") return verdict;
  if (isEarly) return { kind: "wait", untilMs };
  return renewed(situation, verdict ?? renewUnchanged(situation), era);
}

function firstOf(rules: readonly ChainRule[], situation: ChainSituation): Verdict | undefined {
  for (const rule of rules) {
    const verdict = rule(situation);
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}
