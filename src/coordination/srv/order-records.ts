import type { Random } from "../../base/random.ts";

/** One SRV record (RFC 2782), as Node's resolver gives it. */
export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** In the order in which clients are to try them: by priority, and by lot within one (RFC 2782). */
export function orderRecords<Record extends SrvRecord>(
  records: readonly Record[],
  random: Pick<Random, "nextUint32">,
): Record[] {
  const priorities = [...new Set(records.map(({ priority }) => priority))];
  priorities.sort((one, other) => one - other);
  return priorities.flatMap((wanted) => {
    const equals = records.filter(({ priority }) => priority === wanted);
    return drawByWeight(equals, random);
  });
}

/** Each draw falls on a record as often as its share of the weights that are left says. */
function drawByWeight<Record extends SrvRecord>(
  records: readonly Record[],
  random: Pick<Random, "nextUint32">,
): Record[] {
  const left = records.toSorted((one, other) => one.weight - other.weight);
  const drawn: Record[] = [];
  while (left.length > 0) {
    const weights = left.reduce((sum, { weight }) => sum + weight, 0);
    const lot = random.nextUint32() % (weights + 1);
    let passed = 0;
    const at = left.findIndex(({ weight }) => (passed += weight) >= lot);
    drawn.push(...left.splice(at, 1));
  }
  return drawn;
}
