import { XylemError } from "../../base/errors.ts";
import { BatchWalk } from "../../log/batch-walk.ts";
import { batchHeaderBytes } from "../../protocol/record-batch.ts";
import { after } from "./after.ts";
import { noteMissing } from "./missing-offsets.ts";
import type { PartitionContext } from "./partition-context.ts";
import type { ReadOptions, ReadResult } from "./partition-log.ts";
import { findBatch } from "./scan-segment.ts";
import type { Damage, Segment } from "./segment.ts";
import type { SegmentList } from "./segment-list.ts";

/** Where a reader that goes on will look next; so many readers of one partition are remembered. */
const placesMax = 64;
/** What a lookup in the sparse index may have to go over before the wanted batch. */
const slackBytes = 8 * 1024;

export const nothingRead: ReadResult = { chunks: [], sizeBytes: 0 };

interface Place {
  readonly segment: Segment;
  readonly position: number;
}

interface Search extends Place, ReadOptions {
  readonly offset: number;
  /** The least offset that the batch at `position` may begin with. */
  readonly offsetMin: number;
  /** Sums of batches before the wanted one are checked too: their heads led astray. */
  readonly isStrict: boolean;
}

/**
 * Reads stored batches. Each one's sum is checked, so that damage is told and never served; what
 * lies before and after it can be read (storage.md, promise 4).
 */
export class PartitionReader {
  readonly #segments: SegmentList;
  readonly #context: PartitionContext;
  readonly #places = new Map<number, Place>();
  readonly #onDamage: (path: string) => void;

  constructor(segments: SegmentList, context: PartitionContext, onDamage: (path: string) => void) {
    this.#segments = segments;
    this.#context = context;
    this.#onDamage = onDamage;
  }

  /** As PartitionLog.read, for an `offset` that lies in the log and below `upTo`. */
  read(offset: number, options: ReadOptions): ReadResult | Promise<ReadResult> {
    const index = this.#segments.findIndex(offset);
    const segment = this.#segments.all[Math.max(index, 0)];
    if (segment === undefined) return nothingRead;
    return this.#readFrom(segment, offset, options);
  }

  #readFrom(
    segment: Segment,
    offset: number,
    options: ReadOptions,
  ): ReadResult | Promise<ReadResult> {
    const lost = segment.damages.find((damage) => isLost(damage, offset));
    if (lost !== undefined) throw damageError(segment, lost);
    const { sizeBytesMax, wholeFirst, upTo } = options;
    const search = { segment, offset, sizeBytesMax, wholeFirst, upTo, isStrict: false };
    const place = this.#places.get(offset);
    if (place?.segment === segment) {
      return this.#step({ ...search, position: place.position, offsetMin: offset }, sizeBytesMax);
    }
    return after(segment.findPosition(offset), (position) =>
      this.#step(
        { ...search, position, offsetMin: segment.baseOffset },
        Math.min(sizeBytesMax + slackBytes, segment.sizeBytes),
      ),
    );
  }

  /** Reads on from a search's position, `wanted` bytes and a head more. */
  #step(search: Search, wanted: number): ReadResult | Promise<ReadResult> {
    const { segment, position } = search;
    const left = segment.sizeBytes - position;
    if (left <= 0) return this.#readNext(search);
    const length = Math.min(left, Math.max(wanted, batchHeaderBytes) + batchHeaderBytes);
    return after(
      segment.log.use((file) => file.read(position, length)),
      (bytes) => this.#pick(search, bytes, bytes.length < length),
    );
  }

  /** The wanted offset is in no batch of this segment: compaction left a gap, or it was lost. */
  #readNext(search: Search): ReadResult | Promise<ReadResult> {
    const { segment, upTo, offset, offsetMin } = search;
    const next = this.#segments.all[this.#segments.all.indexOf(segment) + 1];
    if (this.#segments.isDense && segment !== this.#segments.last && offset < segment.endOffset) {
      const lost = noteMissing(segment, offsetMin, this.#context);
      this.#onDamage(segment.log.path);
      throw damageError(segment, lost);
    }
    if (next === undefined || next.baseOffset >= upTo) return nothingRead;
    return this.#readFrom(next, next.baseOffset, search);
  }

  /** Finds the wanted batch in what was read, or where to read on. Cut: the file ends there. */
  #pick(search: Search, bytes: Uint8Array, isCut: boolean): ReadResult | Promise<ReadResult> {
    const { segment, offset, isStrict } = search;
    const walk = new BatchWalk(bytes, 0, search.offsetMin);
    for (;;) {
      const sight = walk.look();
      const position = search.position + walk.position;
      const isPastEnd = position + walk.sizeBytes > segment.sizeBytes;
      const isOver = sight === "end" || sight === "short";
      if (sight === "bad" || (sight === "short" && isPastEnd) || (isOver && isCut)) {
        return this.#passDamage({ ...search, position, offsetMin: walk.offsetMin });
      }
      if (isOver) {
        const on = { ...search, position, offsetMin: walk.offsetMin };
        return this.#step(on, Math.max(walk.sizeBytes, search.sizeBytesMax));
      }
      if (walk.lastOffset >= offset) return this.#take(search, walk);
      if (isStrict && !walk.isIntact(this.#context.crc32c)) {
        return this.#passDamage({ ...search, position, offsetMin: walk.offsetMin });
      }
      walk.advance();
    }
  }

  /** Takes the batch in sight and those after it, as far as they fit and are whole. */
  #take(search: Search, walk: BatchWalk): ReadResult | Promise<ReadResult> {
    const { offset, sizeBytesMax, wholeFirst, upTo, segment } = search;
    const position = search.position + walk.position;
    if (walk.baseOffset > offset && !search.isStrict && search.position < position) {
      return after(segment.findPosition(offset), (from) => {
        const again = { ...search, position: from, offsetMin: segment.baseOffset, isStrict: true };
        return this.#step(again, sizeBytesMax + slackBytes);
      });
    }
    if (!this.#isGood(walk, segment)) {
      return this.#passDamage({ ...search, position, offsetMin: walk.offsetMin });
    }
    if (walk.lastOffset >= upTo) return nothingRead;
    if (walk.sizeBytes > sizeBytesMax && !wholeFirst) return nothingRead;
    const from = walk.position;
    do walk.advance();
    while (
      walk.look() === "batch" &&
      walk.lastOffset < upTo &&
      walk.position + walk.sizeBytes - from <= sizeBytesMax &&
      this.#isGood(walk, segment)
    );
    this.#remember(walk.offsetMin, { segment, position: search.position + walk.position });
    const chunk = walk.bytes.subarray(from, walk.position);
    return { chunks: [chunk], sizeBytes: chunk.length };
  }

  #isGood(walk: BatchWalk, segment: Segment): boolean {
    return walk.isIntact(this.#context.crc32c) && walk.fits(segment.endOffset) === true;
  }

  #remember(offset: number, place: Place): void {
    this.#places.delete(offset);
    this.#places.set(offset, place);
    if (this.#places.size <= placesMax) return;
    for (const oldest of this.#places.keys()) {
      this.#places.delete(oldest);
      return;
    }
  }

  /** At bytes that are no good batch: fails when they hold the wanted offset, else goes past. */
  async #passDamage(search: Search): Promise<ReadResult> {
    const { segment, position, offset } = search;
    let damage = segment.damages.find((known) => known.position === position);
    if (damage === undefined) {
      damage = await this.#measureDamage(search);
      segment.damages.push(damage);
      const { firstOffset, endOffset } = damage;
      const fields = { segment: segment.log.path, position, firstOffset, endOffset };
      this.#context.log.error("damaged bytes in a log; the rest is served", fields);
      this.#onDamage(segment.log.path);
    }
    if (isLost(damage, offset)) throw damageError(segment, damage);
    const on = { ...search, position: damage.endPosition, offsetMin: damage.endOffset };
    return this.#step(on, search.sizeBytesMax);
  }

  /** Everything up to the next good batch is lost. */
  async #measureDamage(search: Search): Promise<Damage> {
    const { segment, position, offsetMin } = search;
    const { sizeBytes, endOffset } = segment;
    const range = { bad: position, to: sizeBytes };
    const found = await segment.log.use((file) =>
      findBatch(file, range, offsetMin, this.#context.crc32c),
    );
    return {
      position,
      endPosition: found?.position ?? sizeBytes,
      firstOffset: offsetMin,
      endOffset: found?.baseOffset ?? endOffset,
    };
  }
}

function isLost(damage: Damage, offset: number): boolean {
  return offset >= damage.firstOffset && offset < damage.endOffset;
}

function damageError(segment: Segment, damage: Damage): XylemError {
  const detail =
    `${segment.log.path} is damaged from byte ${damage.position} on: ` +
    `offsets ${damage.firstOffset} to ${damage.endOffset - 1} can not be read`;
  return new XylemError("CORRUPT_MESSAGE", detail);
}
