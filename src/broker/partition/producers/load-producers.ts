import { MalformedError } from "../../../base/errors.ts";
import { readProducerSnapshot } from "../../../log/producer-snapshot.ts";
import { type Producer, ProducerStates } from "../../../log/producer-states.ts";
import { TransactionIndex } from "../../../log/transaction-index.ts";
import { formatSegmentName, parseSegmentName } from "../../../log/segment-name.ts";
import type { PartitionContext } from "../partition-context.ts";
import type { PartitionFolder } from "../partition-folder.ts";
import { replaySegment } from "../recovery/replay-segment.ts";
import type { Segment } from "../segment/segment.ts";
import type { SegmentList } from "../segment/segment-list.ts";

export interface ProducerSources {
  readonly folder: PartitionFolder;
  readonly names: readonly string[];
  readonly segments: SegmentList;
  readonly bounds: LoadBounds;
  readonly context: PartitionContext;
}

export interface LoadBounds {
  readonly logStart: number;
  readonly end: number;
  readonly recoveryPoint: number;
  readonly isClean: boolean;
  /** By default all is; a marker that is not does not decide its transaction yet. */
  readonly committed?: number;
}

/** A clean stop answered what was under way: an answer lost then is of these last bytes. */
const answeredBytes = 256 * 1024;

/**
 * Producer state is a function of the log: the newest good snapshot, then the batches after it,
 * whose aborted transactions are found on the way.
 */
export async function loadProducers(
  states: ProducerStates,
  sources: ProducerSources,
): Promise<void> {
  const { bounds, segments, context } = sources;
  const offsets = await pruneSnapshots(sources);
  if (offsets.length === 0 && bounds.isClean && (await resumeLast(bounds.end, segments))) return;
  const { from, producers } = await findStart(offsets, sources);
  const nowMs = context.clock.nowMs();
  const earlier = producers.length > 0 ? await findEarlier(from, nowMs, sources) : undefined;
  for (const producer of producers) states.load(withEarlier(producer, earlier));
  if (from >= bounds.end && (await resumeLast(from, segments))) return;
  for (const segment of segments.all) {
    if (segment.endOffset <= from && segment !== segments.last) continue;
    await replayWhole(states, segment, { from, nowMs, context });
  }
  states.settle(bounds.committed ?? bounds.end);
  expireLoaded(states, context, nowMs);
}

/** Whether the file of the last segment tells its aborted transactions: no replay is needed. */
async function resumeLast(from: number, { last }: SegmentList): Promise<boolean> {
  const index = await last?.resumeTransactions(from);
  if (index !== undefined) await last?.setTransactions(index);
  return last === undefined || index !== undefined;
}

/** The newest snapshot from which on all that is not known for sure is found in the log. */
async function findStart(
  offsets: readonly number[],
  sources: ProducerSources,
): Promise<{ from: number; producers: readonly Producer[] }> {
  const { segments, bounds } = sources;
  // A closed segment that no recovery point vouches for may have lost its last entries.
  const unproven = segments.all.find(
    (segment) => segment !== segments.last && segment.endOffset > bounds.recoveryPoint,
  );
  const proven = bounds.isClean ? Infinity : (unproven?.baseOffset ?? Infinity);
  // A later one does not tell of the transactions whose markers are not committed.
  const limit = Math.min(proven, bounds.committed ?? Infinity);
  for (let left = offsets.filter((offset) => offset <= limit); ; left = left.slice(1)) {
    const found = await readNewest(left, sources);
    if (left.length === 0) return found;
    const segment = segments.all[segments.findIndex(found.from)];
    if (segment === undefined || segment.baseOffset >= found.from) return found;
    if ((await segment.resumeTransactions(found.from)) !== undefined) return found;
  }
}

/** Replays a segment from `from` on; its aborted transactions from there on come from the log. */
async function replayWhole(
  states: ProducerStates,
  segment: Segment,
  how: { from: number; nowMs: number; context: PartitionContext },
): Promise<void> {
  const { from } = how;
  const isWhole = segment.baseOffset >= from;
  const resumed = isWhole ? undefined : await segment.resumeTransactions(from);
  const index = resumed ?? new TransactionIndex();
  if (segment.sizeBytes > 0) {
    const place = await segment.findEntry(from);
    await replaySegment(states, segment, { ...how, ...place, to: Infinity, aborted: index });
  }
  if (resumed === undefined) await segment.replaceTransactions(index);
  else await segment.setTransactions(index);
}

function expireLoaded(states: ProducerStates, context: PartitionContext, nowMs: number): void {
  const { settings } = context;
  const countMax = settings["producers.max.per.partition"];
  states.expire(nowMs, settings["producer.id.expiration.ms"], countMax);
}

/** The offsets of the snapshots among so many file names, newest first. */
export function snapshotOffsets(names: readonly string[]): number[] {
  return names
    .flatMap((name) => {
      const parsed = parseSegmentName(name);
      return parsed?.suffix === ".snapshot" ? [parsed.baseOffset] : [];
    })
    .sort((one, other) => other - one);
}

/** The offsets of the usable snapshots, newest first; others are removed. */
async function pruneSnapshots(sources: ProducerSources): Promise<number[]> {
  const { bounds, segments, folder, context } = sources;
  const offsets = snapshotOffsets(sources.names);
  const bases = new Set(segments.all.map(({ baseOffset }) => baseOffset));
  const usable = offsets.filter((offset) => offset <= bounds.end && offset > bounds.logStart);
  const kept = usable.filter((offset) => offset === usable[0] || bases.has(offset));
  for (const offset of offsets) {
    if (kept.includes(offset)) continue;
    await context.disk.remove(`${folder.path}/${formatSegmentName(offset, ".snapshot")}`);
  }
  return kept;
}

/**
 * What the batches before `from` near the log end say. A snapshot keeps one batch of a producer
 * only: without those before it, a batch that was stored and not answered when the process died
 * would be refused when it comes again.
 */
async function findEarlier(
  from: number,
  nowMs: number,
  { segments, bounds, context }: ProducerSources,
): Promise<ProducerStates> {
  const earlier = new ProducerStates();
  const windowBytes = context.settings["log.flush.window.bytes"];
  let leftBytes = bounds.isClean ? Math.min(answeredBytes, windowBytes) : windowBytes;
  const parts: { segment: Segment; skippedBytes: number }[] = [];
  for (const segment of [...segments.all].reverse()) {
    if (leftBytes <= 0) break;
    parts.unshift({ segment, skippedBytes: Math.max(0, segment.sizeBytes - leftBytes) });
    leftBytes -= segment.sizeBytes;
  }
  for (const { segment, skippedBytes } of parts) {
    if (segment.baseOffset >= from || segment.sizeBytes === 0) continue;
    const position = await positionBehind(segment, skippedBytes);
    const range = { from: segment.baseOffset, to: from, position, entryOffset: -1 };
    await replaySegment(earlier, segment, { ...range, nowMs, context });
  }
  return earlier;
}

/** Where the first indexed batch behind so many bytes begins. */
async function positionBehind(segment: Segment, skippedBytes: number): Promise<number> {
  if (skippedBytes === 0) return 0;
  const offsets = await segment.offsets();
  return offsets.findPositionAfter(skippedBytes) ?? offsets.lastPosition;
}

/** With the batches before the one of the snapshot, where they were found. */
function withEarlier(producer: Producer, earlier: ProducerStates | undefined): Producer {
  const found = earlier?.find(producer.producerId);
  const isSame =
    found?.epoch === producer.epoch &&
    found.batches.at(-1)?.lastOffset === producer.batches.at(-1)?.lastOffset;
  return isSame ? { ...producer, batches: found.batches } : producer;
}

/** The newest snapshot that can be read, and the offset that follows what it covers. */
export async function readNewest(
  offsets: readonly number[],
  sources: Pick<ProducerSources, "folder" | "context"> & { bounds: { readonly logStart: number } },
): Promise<{ from: number; producers: readonly Producer[] }> {
  const { folder, context, bounds } = sources;
  for (const offset of offsets) {
    const path = `${folder.path}/${formatSegmentName(offset, ".snapshot")}`;
    const bytes = await context.disk.readFile(path);
    if (bytes === undefined) continue;
    try {
      const producers = readProducerSnapshot(bytes, context.crc32c, context.clock.nowMs());
      folder.hasSnapshots = true;
      return { from: offset, producers };
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      context.log.warn("removing an unreadable producer snapshot", { path, why: error.message });
      await context.disk.remove(path);
    }
  }
  return { from: bounds.logStart, producers: [] };
}
