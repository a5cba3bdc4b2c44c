import { DamageError } from "../../../base/errors.ts";
import { BatchWalk } from "../../../log/batch-walk.ts";
import type { LeaderEpochs } from "../../../log/leader-epochs.ts";
import { acrossReplacement } from "./across-replacement.ts";
import { after } from "../after.ts";
import { findDamage, knownDamage } from "../segment/find-damage.ts";
import { noteMissing } from "./missing-offsets.ts";
import type { PartitionContext } from "../partition-context.ts";
import { type ReadAhead, readLength } from "./reads-ahead.ts";
import type { ReadOptions, ReadResult } from "../partition-log.ts";
import type { Damage, Segment } from "../segment/segment.ts";
import { isStoredIntact, largeBatchBytes } from "../segment/stored-sum.ts";
import type { SegmentList } from "../segment/segment-list.ts";

/** Where a reader that goes on will look next; so many readers of one partition are remembered. */
const placesMax = 64;
/** What a lookup in the sparse index may have to go over before the wanted batch. */
const slackBytes = 8 * 1024;

export const nothingRead: ReadResult = { chunks: [], sizeBytes: 0 };

interface Place {
  readonly segment: Segment;
  readonly position: number;
  /** What lies there, for the first who comes. */
  readonly ahead: ReadAhead | undefined;
}

/** A place where a batch is to begin, and what is known of that batch. */
interface Start {
  readonly position: number;
  /** The least offset that it may begin with. */
  readonly offsetMin: number;
  /** That is where the batch before it ends: a log without gaps goes on with it. */
  readonly isExact: boolean;
  /** Its last offset as the index has it; -1: not known. */
  readonly entryOffset: number;
}

interface Search extends Start, ReadOptions {
  readonly segment: Segment;
  readonly offset: number;
  readonly start: Start;
  /**
   * Every batch on the way is checked, so that the first bad one is blamed: something did not fit,
   * and heads that nobody checked may have led there.
   */
  readonly isStrict: boolean;
}

export interface ReaderParts {
  readonly segments: SegmentList;
  readonly epochs: LeaderEpochs;
  readonly context: PartitionContext;
}

/**
 * Reads stored batches. Each one's sum is checked, and what no sum covers against its neighbours,
 * so that damage is told and never served; what lies before and after it can be read (storage.md,
 * promise 4). An index that does not fit what it points at is not believed.
 */
export class PartitionReader {
  readonly #parts: ReaderParts;
  readonly #places = new Map<number, Place>();

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** As PartitionLog.read, for an `offset` that lies in the log and below `upTo`. */
  read(offset: number, options: ReadOptions): ReadResult | Promise<ReadResult> {
    return acrossReplacement(() => this.#find(offset, options));
  }

  #find(offset: number, options: ReadOptions): ReadResult | Promise<ReadResult> {
    const { segments } = this.#parts;
    const index = segments.findIndex(offset);
    const segment = segments.all[Math.max(index, 0)];
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
    const wanted = { segment, offset, sizeBytesMax, wholeFirst, upTo, isStrict: false };
    const place = this.#places.get(offset);
    if (place?.segment === segment) {
      const { position } = place;
      const start = { position, offsetMin: offset, isExact: true, entryOffset: -1 };
      return this.#goOn({ ...wanted, ...start, start }, place.ahead);
    }
    return after(segment.findEntry(offset), ({ position, entryOffset }) => {
      const isExact = position === 0;
      const start = { position, offsetMin: segment.baseOffset, isExact, entryOffset };
      const slack = Math.min(sizeBytesMax + slackBytes, segment.sizeBytes);
      return this.#step({ ...wanted, ...start, start }, slack);
    });
  }

  /** A reader that goes on may find its bytes read. */
  #goOn(search: Search, ahead: ReadAhead | undefined): ReadResult | Promise<ReadResult> {
    const { segment, position, sizeBytesMax } = search;
    return after(ahead?.take(), (bytes) => {
      if (bytes === undefined) return this.#step(search, sizeBytesMax);
      segment.log.checkCurrent();
      const isEnough = bytes.length >= readLength(segment, position, sizeBytesMax);
      if (isEnough) return this.#pick(search, bytes, false);
      this.#parts.context.buffers.lease(bytes)?.release();
      return this.#step(search, sizeBytesMax);
    });
  }

  /** Reads on from a search's position, `wanted` bytes and a head more. */
  #step(search: Search, wanted: number): ReadResult | Promise<ReadResult> {
    const { segment, position } = search;
    const length = readLength(segment, position, wanted);
    if (length <= 0) return this.#readNext(search);
    const { buffers } = this.#parts.context;
    const target = buffers.take(length);
    return after(
      segment.log.use((file) => file.read(position, length, target)),
      (bytes) => {
        if (target !== undefined && bytes.buffer !== target.buffer) buffers.giveBack(target);
        return this.#pick(search, bytes, bytes.length < length);
      },
    );
  }

  /** The wanted offset is in no batch of this segment: compaction left a gap, or it was lost. */
  #readNext(search: Search): ReadResult | Promise<ReadResult> {
    const { segment, upTo, offset, offsetMin } = search;
    const { segments, context } = this.#parts;
    const next = segments.findNext(segment);
    if (segments.isDense && segment !== segments.last && offset < segment.endOffset) {
      if (!search.isStrict || !search.isExact) return this.#suspect(search);
      const lost = noteMissing(segment, offsetMin, context);
      throw damageError(segment, lost);
    }
    if (next === undefined || next.baseOffset >= upTo) return nothingRead;
    return this.#readFrom(next, Math.max(next.baseOffset, segment.endOffset), search);
  }

  /** Finds the wanted batch in what was read, or where to read on. Cut: the file ends there. */
  #pick(search: Search, bytes: Uint8Array, isCut: boolean): ReadResult | Promise<ReadResult> {
    const walk = new BatchWalk(bytes, 0, search.offsetMin);
    let { isExact, entryOffset } = search;
    while (this.#isPassed(walk, search, isExact, entryOffset)) {
      walk.advance();
      isExact = true;
      entryOffset = -1;
    }
    const position = search.position + walk.position;
    const at = { ...search, position, offsetMin: walk.offsetMin, isExact, entryOffset };
    return this.#stopAt(at, walk, isCut);
  }

  /** Whether the batch in sight lies before the wanted one, and gives no reason to stop at it. */
  #isPassed(walk: BatchWalk, search: Search, isExact: boolean, entryOffset: number): boolean {
    const { segment, offset, isStrict } = search;
    if (knownDamage(segment, search.position + walk.position, walk.offsetMin)) return false;
    if (walk.look() !== "batch" || walk.lastOffset >= offset) return false;
    if (!this.#isPlausible(walk, isExact, entryOffset)) return false;
    return !isStrict || this.#isGood(walk, segment, isExact);
  }

  #stopAt(at: Search, walk: BatchWalk, isCut: boolean): ReadResult | Promise<ReadResult> {
    const { segment, position, offset } = at;
    const known = knownDamage(segment, position, at.offsetMin);
    if (known !== undefined) return this.#pass(at, known);
    const sight = walk.look();
    if (sight === "short" || sight === "end") {
      const isPastEnd = sight === "short" && position + walk.sizeBytes > segment.sizeBytes;
      if (isPastEnd || isCut) return this.#suspect(at);
      if (walk.sizeBytes > largeBatchBytes) return this.#stepOnto(at, walk.sizeBytes);
      return this.#step(at, Math.max(walk.sizeBytes, at.sizeBytesMax));
    }
    const isWanted = sight === "batch" && walk.lastOffset >= offset;
    if (!isWanted || !this.#isPlausible(walk, at.isExact, at.entryOffset)) {
      return this.#suspect(at);
    }
    return this.#take(at, walk);
  }

  /** Reads a batch that says it is large, if it is. */
  async #stepOnto(at: Search, sizeBytes: number): Promise<ReadResult> {
    const { segment, position } = at;
    const { crc32c } = this.#parts.context;
    const isIntact = await segment.log.use((file) =>
      isStoredIntact(file, { position, sizeBytes }, crc32c),
    );
    return isIntact ? this.#step(at, Math.max(sizeBytes, at.sizeBytesMax)) : this.#suspect(at);
  }

  /** Whether a head that nobody checked can be what belongs there. */
  #isPlausible(walk: BatchWalk, isExact: boolean, entryOffset: number): boolean {
    if (entryOffset >= 0 && walk.lastOffset !== entryOffset) return false;
    return !isExact || !this.#parts.segments.isDense || walk.baseOffset === walk.offsetMin;
  }

  /** Takes the batch in sight and those after it, as far as they fit and are whole. */
  #take(search: Search, walk: BatchWalk): ReadResult | Promise<ReadResult> {
    const { offset, sizeBytesMax, wholeFirst, upTo, segment, position, start } = search;
    const isAstray = walk.baseOffset > offset && position > start.position;
    if (isAstray && !search.isStrict) return this.#suspect(search);
    if (!this.#isGood(walk, segment, search.isExact)) return this.#suspect(search);
    if (walk.lastOffset >= upTo) return nothingRead;
    if (walk.sizeBytes > sizeBytesMax && !wholeFirst) return nothingRead;
    const from = walk.position;
    do walk.advance();
    while (
      walk.look() === "batch" &&
      walk.lastOffset < upTo &&
      walk.position + walk.sizeBytes - from <= sizeBytesMax &&
      this.#isGood(walk, segment, true)
    );
    const chunk = walk.bytes.subarray(from, walk.position);
    this.#rememberEnd(search, position + chunk.length, walk.offsetMin);
    const lease = this.#parts.context.buffers.lease(chunk);
    return { chunks: [chunk], sizeBytes: chunk.length, ...(lease && { lease }) };
  }

  #isGood(walk: BatchWalk, segment: Segment, isExact: boolean): boolean {
    const { segments, epochs, context } = this.#parts;
    if (!walk.isIntact(context.crc32c)) return false;
    if (isExact && segments.isDense && walk.baseOffset !== walk.offsetMin) return false;
    if (walk.fits(segment.endOffset) !== true) return false;
    return epochs.canHave(walk.leaderEpoch, walk.lastOffset);
  }

  /** Who has gone on once is taken to go on again. */
  #rememberEnd(search: Search, position: number, offset: number): void {
    const { segment, sizeBytesMax, offset: from } = search;
    const { readsAhead } = this.#parts.context;
    const known = this.#places.get(offset);
    // Readers that go side by side share what the first of them began.
    const isBegun = known?.segment === segment && known.ahead?.isWaiting;
    if (isBegun) return this.#remember(offset, known);
    const goesOn = this.#places.get(from)?.segment === segment;
    const ahead = goesOn ? readsAhead.begin(segment, position, sizeBytesMax) : undefined;
    this.#remember(offset, { segment, position, ahead });
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

  /**
   * Something does not fit. The search starts again, checking every batch from where it began on;
   * and from the segment's beginning where only an index said that a batch begins there.
   */
  #suspect(search: Search): ReadResult | Promise<ReadResult> {
    const { segment, start, sizeBytesMax } = search;
    const again = { ...search, isStrict: true };
    if (!search.isStrict) return this.#step({ ...again, ...start }, sizeBytesMax + slackBytes);
    if (search.isExact) return this.#passDamage(search);
    segment.doubtIndexes();
    const offsetMin = segment.baseOffset;
    const scratch = { position: 0, offsetMin, isExact: true, entryOffset: -1 };
    return this.#step({ ...again, ...scratch, start: scratch }, scratchBytes);
  }

  /** Fails when the damage holds the wanted offset, else goes past. */
  #pass(search: Search, damage: Damage): ReadResult | Promise<ReadResult> {
    if (isLost(damage, search.offset)) throw damageError(search.segment, damage);
    const { endPosition: position, endOffset: offsetMin } = damage;
    const on = { ...search, position, offsetMin, isExact: true, entryOffset: -1 };
    return this.#step(on, search.sizeBytesMax);
  }

  /** At the first bytes that are no good batch. */
  async #passDamage(search: Search): Promise<ReadResult> {
    const { context } = this.#parts;
    const { segment } = search;
    const damage = await segment.log.use((file) => findDamage(segment, file, search, context));
    return this.#pass(search, damage);
  }
}

/** One read of a search through a whole segment. */
const scratchBytes = 1024 * 1024;

function isLost(damage: Damage, offset: number): boolean {
  return offset >= damage.firstOffset && offset < damage.endOffset;
}

function damageError(segment: Segment, damage: Damage): DamageError {
  const detail =
    `${segment.log.path} is damaged from byte ${damage.position} on: ` +
    `offsets ${damage.firstOffset} to ${damage.endOffset - 1} can not be read`;
  return new DamageError("CORRUPT_MESSAGE", detail);
}
