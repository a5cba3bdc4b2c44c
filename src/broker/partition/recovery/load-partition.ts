import { MalformedError, XylemError } from "../../../base/errors.ts";
import type { TopicSettings } from "../../../base/settings/topic-settings.ts";
import { decodeUtf8 } from "../../../base/text.ts";
import { LeaderEpochs } from "../../../log/leader-epochs.ts";
import { ProducerStates } from "../../../log/producer-states.ts";
import { formatSegmentName, parseSegmentName } from "../../../log/segment-name.ts";
import type { DiskEntry } from "../../ports/disk.ts";
import { cutClosed } from "./cut-closed.ts";
import { contradictsEpochs } from "./contradicts-epochs.ts";
import { completeSwaps } from "./complete-swaps.ts";
import { gatherEpochs } from "./gather-epochs.ts";
import { loadProducers } from "../producers/load-producers.ts";
import { noteMissing } from "../read/missing-offsets.ts";
import type { PartitionContext } from "../partition-context.ts";
import { epochsFileName, type PartitionFolder } from "../partition-folder.ts";
import { recoverSegment, type SegmentRecovery } from "./recover-segment.ts";
import { hasBatch } from "../segment/scan-segment.ts";
import { Segment } from "../segment/segment.ts";
import { SegmentList } from "../segment/segment-list.ts";

export interface LoadRules {
  readonly settings: TopicSettings;
  /** From the checkpoints; 0 where they do not say. */
  readonly recoveryPoint: number;
  readonly logStart: number;
  readonly isClean: boolean;
  /** As of TopicKey. */
  readonly isDense: boolean;
  /** As of LoadBounds: a chain says what is. */
  readonly committed?: number;
}

export interface LoadedPartition {
  readonly segments: SegmentList;
  readonly producers: ProducerStates;
  readonly epochs: LeaderEpochs;
  readonly logStart: number;
  readonly end: number;
  /** As of SegmentRecovery, or whole segments are gone. */
  readonly hasLostPages: boolean;
}

/** Files that a stopped process left half done. */
const leftoverPattern = /\.(deleted|cleaned|tmp)$/;

/** Opens what a partition's folder holds; `entries` lists it. An absent folder is an empty log. */
export async function loadPartition(
  folder: PartitionFolder,
  entries: readonly DiskEntry[],
  rules: LoadRules,
  context: PartitionContext,
): Promise<LoadedPartition> {
  const loading = new Loading(folder, rules, context);
  return loading.run(entries);
}

/** A log without files. */
export function emptyLog(isDense: boolean): LoadedPartition {
  const segments = new SegmentList([], { isDense });
  const producers = new ProducerStates();
  const epochs = new LeaderEpochs();
  return { segments, producers, epochs, logStart: 0, end: 0, hasLostPages: false };
}

class Loading {
  readonly #folder: PartitionFolder;
  readonly #rules: LoadRules;
  readonly #context: PartitionContext;
  readonly #producers = new ProducerStates();
  #epochs = new LeaderEpochs();
  #hasLostPages = false;

  constructor(folder: PartitionFolder, rules: LoadRules, context: PartitionContext) {
    this.#folder = folder;
    this.#rules = rules;
    this.#context = context;
  }

  async run(entries: readonly DiskEntry[]): Promise<LoadedPartition> {
    const { disk } = this.#context;
    const hasSwapped = await completeSwaps(this.#folder.path, entries, this.#context);
    const present = hasSwapped ? await disk.list(this.#folder.path) : entries;
    const kept = await this.#removeLeftovers(present);
    const segments = await this.#findSegments(kept);
    const hasEpochs = await this.#readEpochs(kept, segments);
    let end = Math.max(this.#rules.logStart, this.#rules.recoveryPoint);
    if (segments.length > 0) end = await this.#recover(segments);
    if (!hasEpochs) this.#folder.areEpochsDirty = segments.length > 0;
    if (segments.length > 0 && end < this.#rules.logStart) end = await this.#restart(segments);
    const logStart = Math.max(this.#rules.logStart, segments[0]?.baseOffset ?? end);
    if (this.#epochs.cutEnd({ logStart, end })) this.#folder.areEpochsDirty = true;
    // A crash may have kept the log start and lost what it did to the epochs.
    if (this.#epochs.cutStart(logStart)) this.#folder.areEpochsDirty = true;
    const list = new SegmentList(segments, { isDense: this.#isDense });
    await loadProducers(this.#producers, {
      folder: this.#folder,
      names: kept.map(({ name }) => name),
      segments: list,
      bounds: {
        logStart,
        end,
        recoveryPoint: this.#rules.recoveryPoint,
        isClean: this.#rules.isClean,
        ...committedOf(this.#rules, end),
      },
      context: this.#context,
    });
    const found = { producers: this.#producers, epochs: this.#epochs };
    return { ...found, segments: list, logStart, end, hasLostPages: this.#hasLostPages };
  }

  get #isDense(): boolean {
    const { isDense, settings } = this.#rules;
    return isDense && !settings["cleanup.policy"].includes("compact");
  }

  async #removeLeftovers(entries: readonly DiskEntry[]): Promise<DiskEntry[]> {
    const kept: DiskEntry[] = [];
    const logs = new Set(entries.map(({ name }) => name).filter((name) => name.endsWith(".log")));
    for (const entry of entries) {
      const parsed = parseSegmentName(entry.name);
      const isIndex = parsed !== undefined && parsed.suffix.endsWith("index");
      const isOrphan = isIndex && !logs.has(formatSegmentName(parsed.baseOffset, ".log"));
      if (isOrphan || leftoverPattern.test(entry.name)) {
        await this.#context.disk.remove(`${this.#folder.path}/${entry.name}`);
      } else kept.push(entry);
    }
    return kept;
  }

  async #findSegments(entries: readonly DiskEntry[]): Promise<Segment[]> {
    const found = entries.flatMap((entry) => {
      const parsed = parseSegmentName(entry.name);
      return parsed?.suffix === ".log" ? [{ ...entry, baseOffset: parsed.baseOffset }] : [];
    });
    found.sort((one, other) => one.baseOffset - other.baseOffset);
    const names = new Set(entries.map(({ name }) => name));
    return found.map(({ baseOffset, sizeBytes, modifiedMs }, index) => {
      const endOffset = found[index + 1]?.baseOffset ?? baseOffset;
      const times = { firstTimestampMs: -1, createdMs: modifiedMs, modifiedMs };
      const hasTransactions = names.has(formatSegmentName(baseOffset, ".txnindex"));
      // Who lost the one file may have lost the other, which is not there for most segments.
      const hasOffsets = names.has(formatSegmentName(baseOffset, ".index"));
      const transactionFile = hasTransactions ? "there" : hasOffsets ? "none" : "unknown";
      const facts = { baseOffset, endOffset, sizeBytes, ...times, transactionFile } as const;
      return new Segment(this.#context, this.#folder.path, facts);
    });
  }

  /** Answers whether the checkpoint could be read; else epochs come from the batches. */
  async #readEpochs(entries: readonly DiskEntry[], segments: Segment[]): Promise<boolean> {
    if (entries.some(({ name }) => name === epochsFileName)) {
      const bytes = await this.#context.disk.readFile(`${this.#folder.path}/${epochsFileName}`);
      try {
        const stored = LeaderEpochs.parse(decodeUtf8(bytes ?? new Uint8Array(0)));
        const { isClean, recoveryPoint } = this.#rules;
        const toldBelow = isClean ? Infinity : recoveryPoint;
        if (await contradictsEpochs(segments, stored, toldBelow)) {
          throw new MalformedError("the log has other epochs");
        }
        this.#epochs = stored;
        return true;
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
        const path = `${this.#folder.path}/${epochsFileName}`;
        const why = error.message;
        this.#context.log.warn("unreadable epochs are taken from the log", { path, why });
      }
    }
    this.#epochs = await gatherEpochs(segments, this.#context);
    return false;
  }

  /** Checks what may not have been flushed, and finds the log end. */
  async #recover(segments: Segment[]): Promise<number> {
    const { recoveryPoint, isClean } = this.#rules;
    let end = segments.at(-1)?.baseOffset ?? 0;
    for (let index = 0; index < segments.length; index += 1) {
      const segment = segments[index] as Segment;
      const isLast = index === segments.length - 1;
      if (!isLast && (isClean || segment.endOffset <= recoveryPoint)) continue;
      const recovery = await this.#recoverOne(segments, index);
      end = recovery.endOffset;
      this.#hasLostPages ||= recovery.hasLostPages || (recovery.isCut && !isLast);
      if (recovery.isCut && !isLast) {
        await cutClosed(segment, this.#context.disk);
        await this.#dropSegments(segments.splice(index + 1));
      }
      if (!recovery.isCut && !isLast) end = await this.#sealRecovered(segment, end);
      await this.#flush(segment, recovery);
    }
    const last = segments.at(-1) as Segment;
    if (end < recoveryPoint) end = this.#noteMissing(last, end);
    last.endOffset = end;
    return end;
  }

  /** What lies below the recovery point was flushed when that was noted. */
  async #flush(segment: Segment, recovery: SegmentRecovery): Promise<void> {
    const { isClean, recoveryPoint } = this.#rules;
    if (isClean) return;
    // Of an empty segment a flush that vouches for offsets says nothing: its name may be lost yet.
    const isProven = recovery.endOffset <= recoveryPoint && segment.sizeBytes > 0;
    if (isProven && !recovery.isCut) return;
    await segment.log.use((file) => file.sync());
    await this.#context.disk.syncDirectory(this.#folder.path);
  }

  #recoverOne(segments: Segment[], index: number): ReturnType<typeof recoverSegment> {
    const segment = segments[index] as Segment;
    const { recoveryPoint, isClean, settings } = this.#rules;
    return recoverSegment(
      segment,
      {
        recoveryPoint,
        isClean,
        intervalBytes: settings["index.interval.bytes"],
        goesOnLater: (offset, withinBytes) =>
          this.#goesOn(segments.slice(index + 1), offset, withinBytes),
        epochs: this.#epochs,
        deletedBelow: this.#rules.logStart,
        isDense: this.#isDense,
        visit: (walk) => {
          const isNew = this.#epochs.assign(walk.leaderEpoch, walk.baseOffset);
          if (isNew) this.#folder.areEpochsDirty = true;
        },
      },
      this.#context,
    );
  }

  /** Whether a good batch that goes on at or after the offset begins within so many bytes. */
  async #goesOn(later: readonly Segment[], offset: number, withinBytes: number): Promise<boolean> {
    let left = withinBytes;
    for (const segment of later) {
      if (left <= 0) return false;
      const to = left;
      const offsetMin = Math.max(offset, segment.baseOffset);
      const isThere = await segment.log.use((file) =>
        hasBatch(file, to, offsetMin, this.#context.crc32c),
      );
      if (isThere) return true;
      left -= segment.sizeBytes;
    }
    return false;
  }

  /** Unless it was compacted a closed segment reaches the next: what is missing is damage. */
  async #sealRecovered(segment: Segment, end: number): Promise<number> {
    if (this.#isDense && end < segment.endOffset) noteMissing(segment, end, this.#context);
    try {
      await segment.seal({ sync: true });
    } catch (error) {
      // On a full disk it is read by the indexes in memory; the next roll or stop writes them.
      if (!(error instanceof XylemError) || error.code !== "DISK_FULL") throw error;
      this.#context.log.warn("indexes wait for room on the disk", { segment: segment.log.path });
    }
    return Math.max(end, segment.endOffset);
  }

  /** Offsets that were flushed and are gone are not given out again. */
  #noteMissing(last: Segment, end: number): number {
    const { recoveryPoint } = this.#rules;
    const at = { position: last.sizeBytes, endPosition: last.sizeBytes };
    const damage = { ...at, firstOffset: end, endOffset: recoveryPoint };
    this.#context.damages.note(last, damage, "flushed records are missing at the end of a log");
    return recoveryPoint;
  }

  async #dropSegments(segments: readonly Segment[]): Promise<void> {
    for (const segment of segments) {
      this.#context.log.warn("dropping a segment behind a torn tail", {
        segment: segment.log.path,
      });
      await this.#removeFiles(segment);
    }
  }

  /** The log ends below its start: nothing in it can be read any more. */
  async #restart(segments: Segment[]): Promise<number> {
    for (const segment of segments.splice(0)) await this.#removeFiles(segment);
    // Once there is none left its checkpoint may say something else: they must not come back.
    await this.#context.disk.syncDirectory(this.#folder.path);
    return this.#rules.logStart;
  }

  async #removeFiles(segment: Segment): Promise<void> {
    await segment.retire();
    for (const suffix of [".log", ".index", ".timeindex", ".txnindex", ".snapshot"] as const) {
      await this.#context.disk.remove(segment.path(suffix));
    }
  }
}

function committedOf({ committed }: LoadRules, end: number): { committed?: number } {
  return committed === undefined ? {} : { committed: Math.min(committed, end) };
}
