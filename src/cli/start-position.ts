import type { Admin } from "@platformatic/kafka";
import { XylemError } from "../base/errors.ts";
import { parsePosition, type Position } from "../broker/records/position.ts";
import { CommandFailure, exitCodes } from "./exit-codes.ts";
import { listOffsets, type TopicOffsets } from "./topic-offsets.ts";

/** What `findStart` takes, for `--help`. */
export const positionHelp =
  "earliest, latest, an offset, -N for the last N, or @ and a time such as @2026-11-21T07:00Z";

/** Where reading a partition begins, and where it ends unless new records are waited for. */
export interface ReadSpan {
  readonly index: number;
  readonly from: bigint;
  readonly end: bigint;
}

/**
 * `earliest`, `latest`, an offset, `-N` for the last N of each partition, or `@` and a time. An
 * offset outside the log moves to its nearer edge. Throws CommandFailure on other text or on an
 * unknown partition.
 */
export async function findStart(
  admin: Pick<Admin, "listOffsets">,
  topic: TopicOffsets,
  { from, partition }: { readonly from: string; readonly partition?: number | undefined },
): Promise<ReadSpan[]> {
  const position = parseStart(from);
  const chosen = topic.partitions.filter(
    ({ index }) => partition === undefined || index === partition,
  );
  if (chosen.length === 0) {
    throw new CommandFailure(`${topic.name} has no partition ${partition ?? 0}`);
  }
  const indexes = chosen.map(({ index }) => index);
  const atTime =
    typeof position === "object" && "timeMs" in position
      ? await listOffsets(admin, [{ name: topic.name, indexes }], BigInt(position.timeMs))
      : undefined;
  return chosen.map(({ index, start, end }) => {
    const found = atTime?.get(`${topic.name}-${index}`) ?? -1n;
    const first = atTime === undefined ? firstOffset(position, start, end) : found;
    return { index, from: first < 0n && atTime ? end : clamp(first, start, end), end };
  });
}

function parseStart(text: string): Position {
  try {
    return parsePosition(text);
  } catch (error) {
    if (!(error instanceof XylemError)) throw error;
    throw new CommandFailure(error.message, exitCodes.usage, error);
  }
}

function firstOffset(position: Position, start: bigint, end: bigint): bigint {
  if (typeof position === "number") return BigInt(position);
  if (position === "earliest") return start;
  return typeof position === "object" && "last" in position ? end - BigInt(position.last) : end;
}

function clamp(offset: bigint, least: bigint, most: bigint): bigint {
  if (offset < least) return least;
  return offset > most ? most : offset;
}
