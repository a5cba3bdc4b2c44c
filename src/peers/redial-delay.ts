import type { Random } from "../base/random.ts";

export interface RedialRule {
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}

const two32 = 2 ** 32;
const doublingsMax = 30;

/** Doubles from try to try up to its bound; spread over its upper half, so that nodes part. */
export function redialDelayMs(rule: RedialRule, failures: number, random: Random): number {
  const doubled = rule.backoffMs * 2 ** Math.min(failures, doublingsMax);
  const longest = Math.min(doubled, rule.backoffMaxMs);
  return (longest / 2) * (1 + random.nextUint32() / two32);
}
