import type { Log } from "../../../base/log.ts";
import { parsePartitionName } from "../partition-name.ts";
import type { Damage, Segment } from "./segment.ts";

/** Keeps each damage with its segment, tells of it, once, and counts. */
export class DamageLog {
  readonly #log: Log;
  #count = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Damages found since the start. */
  get count(): number {
    return this.#count;
  }

  note(segment: Segment, damage: Damage, why: string): Damage {
    segment.damages.push(damage);
    this.#count += 1;
    const { path } = segment.log;
    const owner = parsePartitionName(path.slice(0, path.lastIndexOf("/")));
    const { position, endPosition, firstOffset, endOffset } = damage;
    this.#log.error("damage in a log: nothing is cut, the rest is served", {
      topic: owner?.topic,
      partition: owner?.index,
      segment: path,
      position,
      sizeBytes: endPosition - position,
      firstOffset,
      endOffset,
      why,
    });
    return damage;
  }
}
