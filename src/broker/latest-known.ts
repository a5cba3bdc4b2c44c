import { XylemError } from "../base/errors.ts";
import type { PartitionLog } from "./partition/partition-log.ts";

/** A new head may say a smaller offset than its predecessor did: OFFSET_NOT_AVAILABLE (KIP-207). */
export function checkLatest({ topic, index, knowsLatest }: PartitionLog): void {
  if (knowsLatest !== false) return;
  const detail = `the new head of ${topic}-${index} does not know yet what is committed`;
  throw new XylemError("OFFSET_NOT_AVAILABLE", detail);
}
