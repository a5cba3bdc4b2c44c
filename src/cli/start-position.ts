import { CommandFailure, exitCodes } from "./exit-codes.ts";
import type { TopicOffsets } from "./topic-offsets.ts";

/** Where reading a partition begins, and where it ends unless new records are waited for. */
export interface ReadSpan {
  readonly index: number;
  readonly from: bigint;
  readonly end: bigint;
}

/**
 * `earliest`, `latest`, an offset, or `-N` for the last N of each partition. An offset outside the
 * log moves to its nearer edge. Throws CommandFailure on other text or an unknown partition.
 */
export function startPositions(
  topic: TopicOffsets,
  position: string,
  partition: number | undefined,
): ReadSpan[] {
  const isKnown = position === "earliest" || position === "latest" || /^-?\d+$/.test(position);
  if (!isKnown) {
    throw new CommandFailure(
      `a position is earliest, latest, an offset or -N, not "${position}"`,
      exitCodes.usage,
    );
  }
  const chosen = topic.partitions.filter(
    ({ index }) => partition === undefined || index === partition,
  );
  if (chosen.length === 0) {
    throw new CommandFailure(`${topic.name} has no partition ${partition ?? 0}`);
  }
  return chosen.map(({ index, start, end }) => ({
    index,
    from: clamp(firstOffset(position, start, end), start, end),
    end,
  }));
}

function firstOffset(position: string, start: bigint, end: bigint): bigint {
  if (position === "earliest") return start;
  if (position === "latest") return end;
  const offset = BigInt(position);
  return position.startsWith("-") ? end + offset : offset;
}

function clamp(offset: bigint, least: bigint, most: bigint): bigint {
  if (offset < least) return least;
  return offset > most ? most : offset;
}
