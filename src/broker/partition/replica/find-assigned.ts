import type { Crc32c } from "../../../base/crc32c.ts";
import { XylemError } from "../../../base/errors.ts";
import { BatchWalk } from "../../../log/batch-walk.ts";
import { currentMagic } from "../../../protocol/record-batch.ts";
import type { AssignedBatch } from "../append/partition-appends.ts";

export interface AssignedRules {
  /** The offsets that they are to cover. */
  readonly from: number;
  readonly to: number;
  /** Offsets may be in no batch: compaction left them out. */
  readonly hasGaps: boolean;
  /** Of the batch before; epochs do not descend. */
  readonly epochMin: number;
  readonly epochMax: number;
  readonly crc32c: Crc32c;
}

/** The batches in what a predecessor sent. Throws as ReplicaLog.appendReplicated. */
export function findAssigned(bytes: Uint8Array, rules: AssignedRules): AssignedBatch[] {
  const found: AssignedBatch[] = [];
  const walk = new BatchWalk(bytes, 0, 0);
  let { from: next, epochMin } = rules;
  for (let sight = walk.look(); sight !== "end"; sight = walk.look()) {
    if (sight !== "batch" || !walk.isIntact(rules.crc32c)) {
      throw new XylemError("CORRUPT_MESSAGE", `no sound batch at byte ${walk.position}`);
    }
    checkPlace(next, walk.baseOffset, rules.hasGaps);
    epochMin = checkEpoch(walk.leaderEpoch, epochMin, rules.epochMax);
    found.push(describe(walk));
    walk.advance();
    next = walk.offsetMin;
  }
  checkPlace(next, rules.to, rules.hasGaps);
  return found;
}

function checkPlace(expected: number, offset: number, hasGaps: boolean): void {
  if (offset === expected || (hasGaps && offset > expected)) return;
  throw new XylemError("OFFSET_MISMATCH", `the next offset is ${expected}, not ${offset}`, {
    facts: { expected, actual: offset },
  });
}

/** -1: an old format, or Kafka's of old, says nothing. */
function checkEpoch(epoch: number, epochMin: number, epochMax: number): number {
  if (epoch === -1 || (epoch >= epochMin && epoch <= epochMax)) return Math.max(epoch, epochMin);
  const detail = `a batch of epoch ${epoch}, after ${epochMin} and in ${epochMax}`;
  throw new XylemError("FENCED_LEADER_EPOCH", detail);
}

function describe(walk: BatchWalk): AssignedBatch {
  const { position, sizeBytes, baseOffset, lastOffset, maxTimestampMs, leaderEpoch } = walk;
  const bytes = walk.bytes.subarray(position, position + sizeBytes);
  const place = { baseOffset, lastOffset, maxTimestampMs, leaderEpoch };
  return { bytes, sizeBytes, ...place, batch: findProduced(walk) };
}

function findProduced(walk: BatchWalk): AssignedBatch["batch"] {
  if (walk.magic !== currentMagic) return undefined;
  const { batch } = walk;
  return typeof batch.producerId === "number" ? batch : undefined;
}
