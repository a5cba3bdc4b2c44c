import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import { formatTruncationNote, type TruncationNote } from "../../../log/truncation-note.ts";
import { replaceFile } from "../directory/replace-file.ts";
import type { PartitionContext } from "../partition-context.ts";
import type { PartitionFolder } from "../partition-folder.ts";
import { truncationNoteName } from "../replica/truncation.ts";
import type { SegmentList } from "../segment/segment-list.ts";

/** How much of the segment that is appended to, and the next offset behind that. */
interface Place {
  readonly baseOffset: number;
  readonly sizeBytes: number;
  readonly end: number;
}

export interface FlushedMarkParts {
  readonly context: PartitionContext;
  readonly segments: SegmentList;
  readonly folder: PartitionFolder;
}

/**
 * How far a log's files were flushed, to be written down when a flush has failed: what is read back
 * from behind may never have reached the disk, no later flush says so, and holes in it look like
 * damage. Where it was acknowledged to nobody the next start cuts it off.
 */
export class FlushedMark {
  readonly #parts: FlushedMarkParts;
  #flushed: Place;
  /** Below it is acknowledged what no flush need have covered: "os" was asked for, or set. */
  #vouchedUpTo = 0;
  #noting: Promise<void> | undefined;

  constructor(parts: FlushedMarkParts, end: number) {
    this.#parts = parts;
    this.#flushed = this.placeAt(end);
  }

  get isNoting(): boolean {
    return this.#noting !== undefined;
  }

  /** Where the files end, of which `end` is the next offset. */
  placeAt(end: number): Place {
    const { baseOffset = end, sizeBytes = 0 } = this.#parts.segments.last ?? {};
    return { baseOffset, sizeBytes, end };
  }

  /** All below was flushed. */
  moveTo(place: Place): void {
    this.#flushed = place;
  }

  /** The files were cut, and flushed. */
  rewind(end: number): void {
    this.#flushed = this.placeAt(end);
    this.#vouchedUpTo = Math.min(this.#vouchedUpTo, end);
  }

  /** The settings change; `written` was acknowledged by those from before. */
  noteSettings({ durability }: TopicSettings, written: number): void {
    if (durability === "os") this.vouchFor(written);
  }

  /** What lies below `offset` is acknowledged before it is flushed. */
  vouchFor(offset: number): void {
    this.#vouchedUpTo = Math.max(this.#vouchedUpTo, offset);
  }

  /**
   * Nothing more is acknowledged. Best effort on a disk that fails: without the note a start takes
   * what it finds. `onNoted` is called once it is there, or not.
   */
  note({ durability }: TopicSettings, onNoted: () => void): void {
    const note = this.#plan();
    if (durability === "os" || note === undefined || note.end < this.#vouchedUpTo) return;
    this.#noting = this.#write(note).finally(() => {
      this.#noting = undefined;
      onNoted();
    });
  }

  #plan(): TruncationNote | undefined {
    const { last } = this.#parts.segments;
    const { baseOffset, sizeBytes, end } = this.#flushed;
    const what = { isShared: false, hasGap: false, isRestart: false };
    if (last?.baseOffset === baseOffset) return { baseOffset, sizeBytes, end, ...what };
    // The one before it is closed, and may be shared: it is not the one to be appended to again.
    // Between the two is nothing, or what compaction took out at a predecessor.
    if (last === undefined || last.baseOffset < end) return undefined;
    return { baseOffset: last.baseOffset, sizeBytes: 0, end: last.baseOffset, ...what };
  }

  async #write(note: TruncationNote): Promise<void> {
    const { context, folder } = this.#parts;
    const place = { directory: folder.path, name: truncationNoteName };
    try {
      await replaceFile(context.disk, place, formatTruncationNote(note));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const fields = { folder: folder.path, end: note.end, why };
      context.log.warn("nothing says up to where a log was flushed", fields);
    }
  }
}
