import type { Cancel } from "../../base/clock.ts";
import type { TopicSettings } from "../../base/settings/topic-settings.ts";
import type { LeaderEpochs } from "../../log/leader-epochs.ts";
import {
  planRetention,
  type RetainedSegment,
  type RetentionBounds,
  type RetentionPlan,
  type RetentionRules,
} from "../../log/retention-plan.ts";
import { formatSegmentName } from "../../log/segment-name.ts";
import { upkeepDueMs } from "../../log/upkeep-due.ts";
import { acrossReplacement } from "./read/across-replacement.ts";
import { compactionDueMs } from "./lazy/compaction-due.ts";
import type { PartitionCompaction } from "./compaction/partition-compaction.ts";
import { exactDueMs, firstYoung } from "./exact-age.ts";
import type { PartitionContext } from "./partition-context.ts";
import type { PartitionFolder } from "./partition-folder.ts";
import type { PartitionWriter } from "./append/partition-writer.ts";
import type { ProducerJournal } from "./producers/producer-journal.ts";
import { removeLater, timerMsMax } from "./remove-later.ts";
import type { Segment } from "./segment/segment.ts";
import { segmentLimits } from "./append/segment-limits.ts";
import type { SegmentList } from "./segment/segment-list.ts";
import type { TimestampSearch } from "./read/timestamp-search.ts";

interface UpkeepParts {
  readonly context: PartitionContext;
  readonly folder: PartitionFolder;
  readonly segments: SegmentList;
  readonly epochs: LeaderEpochs;
  readonly search: TimestampSearch;
  readonly compaction: PartitionCompaction;
}

/** What retention looks at; records below `acknowledged` were passed by all who wait for them. */
interface UpkeepBounds extends Omit<RetentionBounds, "unneededUpTo"> {
  readonly acknowledged: number;
}

const removedSuffixes = [".log", ".index", ".timeindex", ".txnindex", ".snapshot"] as const;

/** What keeps a partition's files in order beside the appends. */
export class PartitionUpkeep {
  readonly #parts: UpkeepParts;
  #cancelFlush: Cancel | undefined;
  /** Bases of removed segments whose files a power cut could bring back. */
  readonly #removing = new Set<number>();

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  /** The oldest offset whose files may be there after a crash. */
  get firstOffset(): number | undefined {
    return this.#removing.values().next().value ?? this.#parts.segments.first?.baseOffset;
  }

  isSegmentBase(offset: number): boolean {
    return this.#parts.segments.all.some(({ baseOffset }) => baseOffset === offset);
  }

  async planRetention(settings: TopicSettings, seenBy: UpkeepBounds): Promise<RetentionPlan> {
    return acrossReplacement(() => this.#planRetention(settings, seenBy));
  }

  async #planRetention(settings: TopicSettings, seenBy: UpkeepBounds): Promise<RetentionPlan> {
    const { logStart, committed, nowMs, acknowledged } = seenBy;
    const young = await firstYoung(this.#parts, settings, { logStart, upTo: committed, nowMs });
    const bounds = { logStart, committed, nowMs, unneededUpTo: Math.max(acknowledged, young) };
    return planRetention(await this.retained(settings), retentionRules(settings), bounds);
  }

  async retained(settings: TopicSettings): Promise<readonly RetainedSegment[]> {
    const seen: RetainedSegment[] = [];
    for (const segment of this.#parts.segments.all) seen.push(await seeSegment(segment, settings));
    return seen;
  }

  /**
   * When retention, a roll or compaction can have something to do at the earliest, if nothing is
   * appended, no setting changes and nobody acknowledges.
   */
  async dueMs(
    settings: TopicSettings,
    seenBy: Omit<UpkeepBounds, "acknowledged">,
  ): Promise<number> {
    const { segments } = this.#parts;
    const { logStart, committed, nowMs } = seenBy;
    const plan = await this.planRetention(settings, { ...seenBy, acknowledged: 0 });
    if (plan.segmentCount > 0 || plan.logStart > logStart) return nowMs;
    const { first, last } = segments;
    const exactMs = await exactDueMs(this.#parts, settings, { logStart, upTo: committed, nowMs });
    const log = {
      oldest: first && (await seeSegment(first, settings)),
      head: last?.head(),
      limits: segmentLimits(settings, last?.baseOffset ?? committed),
      rules: retentionRules(settings),
    };
    return Math.min(upkeepDueMs(log), exactMs, compactionDueMs(settings, nowMs));
  }

  /** `flush.messages` and `flush.ms` of a topic that does not flush before it answers. */
  flushWhenDue(writer: PartitionWriter, settings: TopicSettings): void {
    const unflushed = writer.written - writer.flushed;
    if (unflushed === 0) return this.#forgetFlush();
    if (unflushed >= settings["flush.messages"]) return writer.requestFlush();
    const delayMs = settings["flush.ms"];
    if (this.#cancelFlush !== undefined || delayMs > timerMsMax) return;
    this.#cancelFlush = this.#parts.context.clock.schedule(delayMs, () => {
      this.#cancelFlush = undefined;
      writer.requestFlush();
    });
  }

  #forgetFlush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
  }

  /** Takes out the segments wholly below `logStart`; the last one stays. */
  removeSegmentsBelow(logStart: number, settings: TopicSettings): Promise<void> {
    const { turns } = this.#parts.segments;
    return turns.take("change", () => this.#removeBelow(logStart, settings));
  }

  async #removeBelow(logStart: number, settings: TopicSettings): Promise<void> {
    const { segments, context, folder, compaction } = this.#parts;
    let count = 0;
    for (const segment of segments.all.slice(0, -1)) {
      if (segment.endOffset > logStart) break;
      count += 1;
    }
    if (count === 0) return;
    const removed = segments.removeFirst(count);
    for (const { baseOffset } of removed) this.#removing.add(baseOffset);
    await compaction.letGo(removed);
    for (const segment of removed) {
      await this.#removeSegment(segment, settings["file.delete.delay.ms"]);
    }
    await context.disk.syncDirectory(folder.path);
    for (const { baseOffset } of removed) this.#removing.delete(baseOffset);
  }

  async checkpoint(): Promise<void> {
    const { folder, segments, epochs } = this.#parts;
    if (!folder.exists) return;
    if (folder.areEpochsDirty) await folder.writeEpochs(epochs);
    for (let left = segments.firstUnsealed; left !== undefined; left = segments.firstUnsealed) {
      await left.seal({ sync: true });
    }
    await segments.last?.storeIndexes({ sync: false });
  }

  /** All is flushed: the indexes get their last entries, the producers their snapshot. */
  async close(producers: ProducerJournal, end: number): Promise<void> {
    this.#forgetFlush();
    const { folder, segments, compaction } = this.#parts;
    await compaction.stop();
    if (!folder.exists) return;
    await this.checkpoint();
    await segments.last?.seal({ sync: false });
    const wereKnown = producers.states.count > 0 || folder.hasSnapshots;
    if (wereKnown) await folder.writeSnapshot(end, producers.snapshot());
    await folder.sync();
  }

  /** Closes all files, once nobody reads them. */
  async release(): Promise<void> {
    this.#forgetFlush();
    await this.#parts.compaction.stop();
    for (const segment of this.#parts.segments.all) await segment.retire();
  }

  /** Renamed once its last reader is done, removed after the delay (semantics.md 13). */
  async #removeSegment(segment: Segment, delayMs: number): Promise<void> {
    const { context, folder } = this.#parts;
    await segment.retire();
    const present = new Set((await context.disk.list(folder.path)).map(({ name }) => name));
    const renamed: string[] = [];
    for (const suffix of removedSuffixes) {
      const name = formatSegmentName(segment.baseOffset, suffix);
      if (!present.has(name)) continue;
      const path = `${folder.path}/${name}`;
      await context.disk.rename(path, `${path}.deleted`);
      renamed.push(`${path}.deleted`);
    }
    context.log.info("removed a segment", { segment: segment.log.path });
    removeLater(renamed, delayMs, context);
  }
}

/** A segment as retention judges it. */
export async function seeSegment(
  segment: Segment,
  settings: TopicSettings,
): Promise<RetainedSegment> {
  const { baseOffset, endOffset, sizeBytes, modifiedMs } = segment;
  const { deletes } = retentionRules(settings);
  const largestTimestampMs = deletes ? await segment.largestTimestampMs() : -1;
  return { baseOffset, endOffset, sizeBytes, modifiedMs, largestTimestampMs };
}

export function retentionRules(settings: TopicSettings): RetentionRules {
  return {
    deletes: settings["cleanup.policy"].includes("delete"),
    ageMsMax: settings["retention.ms"],
    sizeBytesMax: settings["retention.bytes"],
    recordCountMax: settings["retention.records"],
  };
}
