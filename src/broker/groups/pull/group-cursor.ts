import { XylemError } from "../../../base/errors.ts";

/** How far a member of a group has been handed records, and in which epoch. */
export interface GroupCursor {
  readonly epoch: number;
  readonly positions: readonly GroupPosition[];
}

/** `offset` is the next one to be handed out: everything below it has been. */
export interface GroupPosition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** The most partitions that one cursor tells of. */
const positionsMax = 10_000;

const positionPattern = /^([A-Za-z0-9._-]{1,249}):(\d{1,9}):(\d{1,15})$/;

/** `7~orders:0:42~orders:1:17`: an epoch, then topic, partition and offset. Safe in a URL. */
export function formatGroupCursor({ epoch, positions }: GroupCursor): string {
  const parts = positions.map((one) => `${one.topic}:${one.partition}:${one.offset}`);
  return [epoch, ...parts].join("~");
}

/** Throws INVALID_REQUEST. */
export function parseGroupCursor(text: string): GroupCursor {
  const [epoch = "", ...parts] = text.split("~");
  if (!/^\d{1,10}$/.test(epoch) || parts.length > positionsMax) throw badCursor();
  const positions = parts.map((part) => {
    const [, topic, partition, offset] = positionPattern.exec(part) ?? [];
    if (topic === undefined) throw badCursor();
    return { topic, partition: Number(partition), offset: Number(offset) };
  });
  return { epoch: Number(epoch), positions };
}

function badCursor(): XylemError {
  return new XylemError("INVALID_REQUEST", "the cursor is none that a fetch has answered");
}
