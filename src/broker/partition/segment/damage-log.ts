import type { Log } from "../../../base/log.ts";
import { parsePartitionName } from "../partition-name.ts";
import type { Damage, Segment } from "./segment.ts";

/** Keeps each damage with its segment, tells of it, once, and counts. */
export class DamageLog {
  readonly #log: Log;
  #count = 0;
  /** By a partition's folder. */
  readonly #watchers = new Map<string, (path: string) => void>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Damages found since the start. */
  get count(): number {
    return this.#count;
  }

  /** From here on a listener is told the paths of files in a folder that damage is found in. */
  watch(folder: string, listener: (path: string) => void): void {
    this.#watchers.set(folder, listener);
  }

  unwatch(folder: string): void {
    this.#watchers.delete(folder);
  }

  note(segment: Segment, damage: Damage, why: string): Damage {
    segment.damages.push(damage);
    this.#count += 1;
    const { path } = segment.log;
    const folder = path.slice(0, path.lastIndexOf("/"));
    const owner = parsePartitionName(folder);
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
    this.#watchers.get(folder)?.(path);
    return damage;
  }
}
