import { appendJoiner, cancelJoin, cutDead, cutStalled } from "./failure-rules.ts";
import { drain, handOver, headLeaves, nameJoiner, release } from "./assignment-rules.ts";
import type { ChainRule, ChainSituation, Verdict } from "./chain-situation.ts";
import { goOnFromNewest, takeBack } from "./return-rules.ts";

/** In the order of urgency; the first that has something to say decides (cluster.md, section 4). */
const rules: readonly ChainRule[] = [
  goOnFromNewest,
  appendJoiner,
  cutDead,
  takeBack,
  cancelJoin,
  cutStalled,
  handOver,
  drain,
  release,
  headLeaves,
  nameJoiner,
];

/** The one next step of a chain; undefined: it is as it should be. */
export function decideChain(situation: ChainSituation): Verdict | undefined {
  for (const rule of rules) {
    const verdict = rule(situation);
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}
