import { MalformedError } from "../../base/errors.ts";
import { readProducerSnapshot } from "../../log/producer-snapshot.ts";
import type { ProducerStates } from "../../log/producer-states.ts";
import { formatSegmentName, parseSegmentName } from "../../log/segment-name.ts";
import type { PartitionContext } from "./partition-context.ts";
import type { PartitionFolder } from "./partition-folder.ts";
import { replayBatch } from "./producer-replay.ts";
import { scanSegment } from "./scan-segment.ts";
import type { Segment } from "./segment.ts";
import type { SegmentList } from "./segment-list.ts";

export interface ProducerSources {
  readonly folder: PartitionFolder;
  readonly names: readonly string[];
  readonly segments: SegmentList;
  readonly bounds: { readonly logStart: number; readonly end: number; readonly isClean: boolean };
  readonly context: PartitionContext;
}

/** Producer state is a function of the log: the newest good snapshot, then the batches after it. */
export async function loadProducers(
  states: ProducerStates,
  sources: ProducerSources,
): Promise<void> {
  const { bounds, segments, context } = sources;
  const offsets = await pruneSnapshots(sources);
  if (offsets.length === 0 && bounds.isClean) return;
  const from = await readNewest(states, offsets, sources);
  if (from >= bounds.end) return;
  const nowMs = context.clock.nowMs();
  for (const segment of segments.all) {
    if (segment.endOffset <= from || segment.sizeBytes === 0) continue;
    await replaySegment(states, segment, { from, nowMs, context });
  }
  expireLoaded(states, context, nowMs);
}

function expireLoaded(states: ProducerStates, context: PartitionContext, nowMs: number): void {
  const { settings } = context;
  const countMax = settings["producers.max.per.partition"];
  states.expire(nowMs, settings["producer.id.expiration.ms"], countMax);
}

/** The offsets of the usable snapshots, newest first; others are removed. */
async function pruneSnapshots(sources: ProducerSources): Promise<number[]> {
  const { bounds, segments, folder, context } = sources;
  const offsets = sources.names
    .flatMap((name) => {
      const parsed = parseSegmentName(name);
      return parsed?.suffix === ".snapshot" ? [parsed.baseOffset] : [];
    })
    .sort((one, other) => other - one);
  const bases = new Set(segments.all.map(({ baseOffset }) => baseOffset));
  const usable = offsets.filter((offset) => offset <= bounds.end && offset > bounds.logStart);
  const kept = usable.filter((offset) => offset === usable[0] || bases.has(offset));
  for (const offset of offsets) {
    if (kept.includes(offset)) continue;
    await context.disk.remove(`${folder.path}/${formatSegmentName(offset, ".snapshot")}`);
  }
  return kept;
}

/** Loads the newest snapshot that can be read; answers the offset that follows what it covers. */
async function readNewest(
  states: ProducerStates,
  offsets: readonly number[],
  sources: ProducerSources,
): Promise<number> {
  const { folder, context, bounds } = sources;
  for (const offset of offsets) {
    const path = `${folder.path}/${formatSegmentName(offset, ".snapshot")}`;
    const bytes = await context.disk.readFile(path);
    if (bytes === undefined) continue;
    try {
      const producers = readProducerSnapshot(bytes, context.crc32c, context.clock.nowMs());
      for (const producer of producers) states.load(producer);
      folder.hasSnapshots = true;
      return offset;
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      context.log.warn("removing an unreadable producer snapshot", { path, why: error.message });
      await context.disk.remove(path);
    }
  }
  return bounds.logStart;
}

async function replaySegment(
  states: ProducerStates,
  segment: Segment,
  how: { from: number; nowMs: number; context: PartitionContext },
): Promise<void> {
  const { from, nowMs, context } = how;
  const position = await segment.findPosition(from);
  const { baseOffset, endOffset } = segment;
  const sums = { sumsFromOffset: Infinity, endOffset };
  let start = { position, offsetMin: baseOffset, isExact: false, ...sums };
  await segment.log.use(async (file) => {
    for (;;) {
      const end = await scanSegment(file, start, context.crc32c, (walk) => {
        if (walk.lastOffset >= from) replayBatch(states, walk, nowMs);
      });
      const damage = segment.damages.find((candidate) => candidate.position === end.position);
      if (damage === undefined || damage.endPosition === file.sizeBytes) return;
      start = { ...start, position: damage.endPosition, offsetMin: damage.endOffset };
    }
  });
}
