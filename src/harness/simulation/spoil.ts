import type { Random } from "../../base/random.ts";
import { BatchWalk } from "../../log/batch-walk.ts";
import { parsePartitionName } from "../../broker/partition/partition-name.ts";
import { drawBetween, drawOf } from "../../simulation/draw.ts";
import type { SimulatedDisk } from "../../simulation/simulated-disk.ts";
import type { World } from "./world.ts";

/** A disk, and the world that is told. */
export interface SpoilPlace {
  readonly world: World;
  readonly disk: SimulatedDisk;
}

/** Flips one bit of a stored batch, and notes which offsets that may cost. */
export function spoilBatch({ world, disk }: SpoilPlace, random: Random): void {
  const live = new Map(world.liveTopics().map((topic) => [topic.name, topic]));
  const candidates = disk.paths().flatMap((path) => {
    const [folder = "", name = ""] = path.split("/");
    const parsed = parsePartitionName(folder);
    const topic = parsed === undefined ? undefined : live.get(parsed.topic);
    if (parsed === undefined || topic === undefined || !name.endsWith(".log")) return [];
    return disk.peek(path).length > 0 ? [{ path, key: `${topic.key}-${parsed.index}` }] : [];
  });
  if (candidates.length === 0) return;
  const { path, key } = drawOf(random, candidates);
  const bytes = disk.peek(path);
  const hit = drawBetween(random, 0, bytes.length - 1);
  // Where a log is compacted nobody can tell how much of a gap beside it was the batch's.
  let firstOffset = baseOf(path);
  for (const walk = new BatchWalk(bytes, 0, 0); walk.look() === "batch"; walk.advance()) {
    if (walk.position + walk.sizeBytes <= hit) {
      firstOffset = walk.lastOffset + 1;
      continue;
    }
    let { lastOffset } = walk;
    walk.advance();
    const next = walk.look() === "batch" ? walk.baseOffset : nextBase(disk.paths(), path);
    if (next !== undefined) lastOffset = next - 1;
    disk.spoil(path, hit, flipped(bytes, hit, random));
    world.record({ kind: "spoiled", partition: key, firstOffset, lastOffset });
    world.tell("nemesis", `flips a bit of ${path} at ${hit}: ${firstOffset} to ${lastOffset}`);
    return;
  }
}

function baseOf(path: string): number {
  return Number(path.slice(path.lastIndexOf("/") + 1, -".log".length));
}

/** Where the segment behind this one begins; undefined: it is the last. */
export function nextBase(paths: readonly string[], path: string): number | undefined {
  const folder = path.slice(0, path.indexOf("/") + 1);
  const logs = paths.filter((other) => other.startsWith(folder) && other.endsWith(".log"));
  return logs
    .map(baseOf)
    .sort((one, other) => one - other)
    .find((base) => base > baseOf(path));
}

/** Files that are made from a log. */
export const indexPattern = /\.(index|timeindex|snapshot)$/;
/** What a log or a directory is known by: made from the log, checked, or there twice. */
export const checkpointPattern = /(-checkpoint|xylem-log-start-offsets)$/;

/** Flips one bit of a file beside the logs. */
export function spoilSideFile({ world, disk }: SpoilPlace, random: Random, pattern: RegExp): void {
  const candidates = disk
    .paths()
    .filter((path) => pattern.test(path))
    .filter((path) => disk.peek(path).length > 0);
  if (candidates.length === 0) return;
  const path = drawOf(random, candidates);
  const bytes = disk.peek(path);
  const hit = drawBetween(random, 0, bytes.length - 1);
  disk.spoil(path, hit, flipped(bytes, hit, random));
  world.tell("nemesis", `flips a bit of ${path} at ${hit}`);
}

function flipped(bytes: Uint8Array, at: number, random: Random): Uint8Array {
  return Uint8Array.of((bytes[at] as number) ^ (1 << drawBetween(random, 0, 7)));
}
