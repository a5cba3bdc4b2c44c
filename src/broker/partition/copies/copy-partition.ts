import type { Uuid } from "../../../base/uuid.ts";
import { LeaderEpochs } from "../../../log/leader-epochs.ts";
import { formatSegmentName, parseSegmentName } from "../../../log/segment-name.ts";
import { TransactionIndex } from "../../../log/transaction-index.ts";
import type { Disk, LinkOutcome } from "../../ports/disk.ts";
import { copyBytes, copyFile } from "./copy-file.ts";
import { findCut } from "./find-cut.ts";
import type { PartitionContext } from "../partition-context.ts";
import { PartitionFolder } from "../partition-folder.ts";
import type { Segment } from "../segment/segment.ts";
import type { SegmentList } from "../segment/segment-list.ts";

/** A partition that is open, as far as a copy needs it. */
export interface CopySource {
  readonly context: PartitionContext;
  readonly folder: PartitionFolder;
  readonly segments: SegmentList;
  readonly epochs: LeaderEpochs;
  readonly logStart: number;
  /** The copy ends here; committed, and no batch that goes past it is taken. */
  readonly end: number;
}

export interface CopyTarget {
  readonly disk: Disk;
  /** Not there yet. */
  readonly folder: string;
  readonly topicId: Uuid;
}

/** What was copied, and what its checkpoints are to say. */
export interface CopiedPartition {
  readonly logStart: number;
  readonly end: number;
  readonly linkedCount: number;
  /** Log bytes that two partitions could not share. */
  readonly copiedBytes: number;
  /** Compaction has taken records of the source, or may have. */
  readonly mayHaveGaps: boolean;
}

/** What lies beside the log of a closed segment and can be shared with it. */
const companions = [".index", ".timeindex"] as const;

/**
 * Makes the files of a partition that holds the batches of another below an offset. Its closed
 * segments are shared (storage.md, promise 8), the one that holds the end is copied, so that the
 * last segment, which will be appended to, is never a shared one. Everything is durable when this
 * resolves, but for the folder's own name. Throws OFFSET_OUT_OF_RANGE when retention removed a
 * segment meanwhile.
 */
export async function copyPartition(
  source: CopySource,
  target: CopyTarget,
): Promise<CopiedPartition> {
  const { context, folder } = source;
  // Otherwise a power cut could take the active segment's name, and the one before, shared by
  // then, would be appended to.
  if (folder.exists) await context.disk.syncDirectory(folder.path);
  // Compaction would take files away that were counted on.
  return await source.segments.turns.take("swap", () => new Copying(source, target).run());
}

class Copying {
  readonly #source: CopySource;
  readonly #target: CopyTarget;
  /** What was in the folder of the source at first. */
  #names: ReadonlySet<string> = new Set();
  #linkedCount = 0;
  #copiedBytes = 0;

  constructor(source: CopySource, target: CopyTarget) {
    this.#source = source;
    this.#target = target;
  }

  async run(): Promise<CopiedPartition> {
    const { logStart, segments } = this.#source;
    const { disk, folder, topicId } = this.#target;
    const { context, folder: own } = this.#source;
    this.#names = new Set((await context.disk.list(own.path)).map(({ name }) => name));
    const place = new PartitionFolder(disk, folder, topicId, false);
    await place.make();
    const end = await this.#copySegments(segments.all);
    await this.#linkSnapshots(end);
    const epochs = new LeaderEpochs(this.#source.epochs.entries);
    epochs.cutEnd({ logStart, end });
    if (epochs.entries.length > 0) await place.writeEpochs(epochs);
    await disk.syncDirectory(folder);
    // Known only now: compaction may have begun meanwhile.
    const mayHaveGaps = !segments.isDense;
    const copied = { linkedCount: this.#linkedCount, copiedBytes: this.#copiedBytes, mayHaveGaps };
    return { logStart: Math.min(logStart, end), end, ...copied };
  }

  /** Answers where the copy ends. */
  async #copySegments(all: readonly Segment[]): Promise<number> {
    const { end, logStart, segments } = this.#source;
    for (const segment of all) {
      if (segment.endOffset <= logStart && segment !== all.at(-1)) continue;
      if (segment.baseOffset >= end) break;
      const isClosed = segment !== segments.last && segment !== all.at(-1);
      if (isClosed && segment.endOffset <= end) await this.#share(segment);
      else return await this.#copyHead(segment, !segments.isDense);
    }
    await this.#makeEmpty(end);
    return end;
  }

  /** Its users keep it from being removed meanwhile. */
  async #share(segment: Segment): Promise<void> {
    await segment.log.use(async () => {
      const outcome = await this.#link(segment, ".log");
      if (outcome === "copied") this.#copiedBytes += segment.sizeBytes;
      else this.#linkedCount += 1;
      if (outcome === "linked" && segment.log.isDirty) await this.#sync(segment);
      if (!segment.isSealed) return;
      for (const suffix of companions) {
        const isThere = this.#names.has(formatSegmentName(segment.baseOffset, suffix));
        if (isThere) await this.#link(segment, suffix);
      }
      if (this.#names.has(formatSegmentName(segment.baseOffset, ".txnindex"))) {
        await this.#copy(segment, ".txnindex");
      }
    });
  }

  #link(segment: Segment, suffix: ".log" | ".index" | ".timeindex"): Promise<LinkOutcome> {
    const { disk } = this.#source.context;
    return disk.link(segment.path(suffix), this.#path(segment, suffix), this.#target.disk);
  }

  async #copy(segment: Segment, suffix: ".txnindex"): Promise<void> {
    const { disk } = this.#source.context;
    const from = { disk, path: segment.path(suffix) };
    await copyFile(from, this.#target.disk, this.#path(segment, suffix));
  }

  /** What a topic without flushes has written is made durable through the new name. */
  async #sync(segment: Segment): Promise<void> {
    const file = await this.#target.disk.open(this.#path(segment, ".log"), { create: false });
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /**
   * The batches of a segment below the end; answers where the copy ends. What may have gaps is not
   * to be the last segment: only the base of the next one says that nothing is missing there.
   */
  async #copyHead(segment: Segment, hasGaps: boolean): Promise<number> {
    const { context, end } = this.#source;
    const cut = await findCut(segment, end, context.crc32c);
    const path = this.#path(segment, ".log");
    await segment.log.use((file) => copyBytes(file, cut.position, this.#target.disk, path));
    this.#copiedBytes += cut.position;
    const reached = Math.min(end, cut.nextOffset ?? end);
    if (hasGaps && reached > segment.baseOffset) {
      await this.#copyTransactions(segment, reached);
      await this.#makeEmpty(reached);
      return reached;
    }
    const isDense = this.#source.segments.isDense || cut.nextOffset === undefined;
    return isDense ? reached : cut.endOffset;
  }

  /** A start may take a closed segment without the file for one in which none was aborted. */
  async #copyTransactions(segment: Segment, end: number): Promise<void> {
    const index = await segment.log.use(() => segment.transactions());
    if (index === undefined) return;
    const below = index.entries().filter(({ lastOffset }) => lastOffset < end);
    if (below.length === 0) return;
    const { disk } = this.#target;
    const file = await disk.open(this.#path(segment, ".txnindex"), { create: true });
    try {
      await file.append([new TransactionIndex(below).toBytes()]);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #makeEmpty(end: number): Promise<void> {
    const { disk, folder } = this.#target;
    const path = `${folder}/${formatSegmentName(end, ".log")}`;
    const file = await disk.open(path, { create: true });
    await file.close();
  }

  /**
   * The states of producers, which spare walks over the whole log. Retention takes them away with
   * their segments, but not in this turn.
   */
  async #linkSnapshots(end: number): Promise<void> {
    const { context, folder, segments } = this.#source;
    await segments.turns.take("change", async () => {
      for (const { name } of await context.disk.list(folder.path)) {
        const parsed = parseSegmentName(name);
        if (parsed?.suffix !== ".snapshot" || parsed.baseOffset > end) continue;
        const to = `${this.#target.folder}/${name}`;
        await context.disk.link(`${folder.path}/${name}`, to, this.#target.disk);
      }
    });
  }

  #path(segment: Segment, suffix: ".log" | ".index" | ".timeindex" | ".txnindex"): string {
    return `${this.#target.folder}/${formatSegmentName(segment.baseOffset, suffix)}`;
  }
}
