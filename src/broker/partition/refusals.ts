import { XylemError } from "../../base/errors.ts";
import type { AppendOptions, PartitionLog } from "./partition-log.ts";

type Bounds = Pick<PartitionLog, "topic" | "index" | "logStart" | "end">;

/** What a partition says of an offset that it does not hold; `end` is the last that may be read. */
export function outOfRange(log: Bounds, offset: number, end = log.end): XylemError {
  const { topic, index, logStart } = log;
  const detail = `${topic}-${index} holds ${logStart} to ${end}, asked for ${offset}`;
  return new XylemError("OFFSET_OUT_OF_RANGE", detail, {
    facts: { logStart, highWatermark: end, asked: offset },
  });
}

/** Throws OFFSET_MISMATCH. */
export function checkExpectedEnd({ topic, index, end }: Bounds, options: AppendOptions): void {
  const { expectedEnd } = options;
  if (expectedEnd === undefined || expectedEnd === end) return;
  const detail = `the next offset of ${topic}-${index} is ${end}, expected was ${expectedEnd}`;
  const facts = { expected: expectedEnd, actual: end };
  throw new XylemError("OFFSET_MISMATCH", detail, { facts });
}

/** Why a partition stops where `log.damage.policy` says so. */
export function damaged(path: string): XylemError {
  return new XylemError("KAFKA_STORAGE_ERROR", `${path} is damaged`);
}
