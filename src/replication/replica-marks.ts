import { assert } from "../base/assert.ts";

/** What `held` means for a topic: in the page cache, or on the disk. */
export type ReplicaDurability = "os" | "fsync";

/** How far something has got: what is in the page cache, what on the disk, what is deleted. */
export interface ChainMarks {
  readonly written: number;
  readonly flushed: number;
  readonly logStart: number;
}

export const noMarks: ChainMarks = { written: 0, flushed: 0, logStart: 0 };

export function heldOf(
  { written, flushed }: Pick<ChainMarks, "written" | "flushed">,
  durability: ReplicaDurability,
): number {
  return durability === "fsync" ? flushed : written;
}

/** What all of them have. */
export function leastOf(left: ChainMarks, right: ChainMarks): ChainMarks {
  return {
    written: Math.min(left.written, right.written),
    flushed: Math.min(left.flushed, right.flushed),
    logStart: Math.min(left.logStart, right.logStart),
  };
}

/** The offsets of this replica's log, as far as its chain has been told of them. */
export class ReplicaMarks implements ChainMarks {
  end: number;
  written: number;
  flushed: number;
  logStart: number;
  committed: number;
  durability: ReplicaDurability;
  /** A truncation is under way: what is here is not decided. */
  isCutting = false;

  constructor(start: Omit<ReplicaMarks, "held" | "isCutting" | "check">) {
    this.end = start.end;
    this.written = start.written;
    this.flushed = start.flushed;
    this.logStart = start.logStart;
    this.committed = start.committed;
    this.durability = start.durability;
    this.check();
  }

  /** What is here as durably as the topic asks. */
  get held(): number {
    return heldOf(this, this.durability);
  }

  check(): void {
    const { logStart, committed, flushed, written, end } = this;
    const isOrdered = logStart <= committed && committed <= end && flushed <= written;
    // The text is made only where it is needed: this is looked at after each step.
    if (isOrdered && written <= end) return;
    const text = JSON.stringify({ logStart, committed, flushed, written, end });
    assert(false, `the offsets of a replica are in order: ${text}`);
  }
}
