import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { factsFileName } from "../../broker/partition/directory/facts-file.ts";
import { formatPartitionName } from "../../broker/partition/partition-name.ts";
import { truncationNoteName } from "../../broker/partition/replica/truncation.ts";
import { parseSegmentName } from "../../log/segment-name.ts";
import { parseOffsetCheckpoint } from "../../log/text-checkpoint.ts";
import { CommandFailure } from "../exit-codes.ts";
import { removeStrayBytes, skipDamage } from "./skip-damage.ts";
import type { SegmentBounds } from "./verify-segment.ts";
import type { Finding } from "../../broker/scrub/finding.ts";

/** What may be done about a damage. Nothing is done but by these words. */
export interface Repair {
  readonly words: string;
  readonly run: () => Promise<void>;
}

const removable = /^(\d{20}\.(index|timeindex|snapshot)|leader-epoch-checkpoint)$/;

/** The repairs that there are for what a scrub found; some damage has none. */
export function planRepairs(data: string, findings: readonly Finding[]): readonly Repair[] {
  const repairs = new Map<string, Repair>();
  for (const finding of findings) {
    const repair = finding.kind === "damage" ? planRepair(data, finding) : undefined;
    if (repair !== undefined) repairs.set(repair.words, repair);
  }
  return [...repairs.values()];
}

function planRepair(data: string, finding: Finding): Repair | undefined {
  const { topic, partition, file, firstLostOffset, lastLostOffset } = finding;
  if (topic === undefined || partition === undefined) return undefined;
  const name = formatPartitionName(topic, partition);
  const folder = join(data, name);
  if (firstLostOffset !== undefined && lastLostOffset !== undefined) {
    const range = { firstOffset: firstLostOffset, endOffset: lastLostOffset + 1 };
    return {
      words: `skip damaged offsets ${firstLostOffset}-${lastLostOffset} of ${name}`,
      run: async () =>
        await skipDamage(folder, await prepareRewrite(data, name, range.firstOffset), range),
    };
  }
  const base = parseSegmentName(file);
  // Bytes that hold no batch, where the log goes on as if they were not there.
  if (base?.suffix === ".log" && finding.sizeBytes !== undefined) {
    return {
      words: `remove stray bytes from ${file} of ${name}`,
      run: async () =>
        await removeStrayBytes(folder, await prepareRewrite(data, name, base.baseOffset)),
    };
  }
  if (!removable.test(file)) return undefined;
  return {
    words: `rebuild ${file} of ${name}`,
    run: async () => await rm(join(folder, file), { force: true }),
  };
}

/** Answers the segment that holds the offset. */
async function prepareRewrite(data: string, name: string, offset: number): Promise<SegmentBounds> {
  const files = (await readdir(join(data, name))).toSorted();
  // It says in bytes of the files as they are how much of them stays.
  if (files.includes(truncationNoteName)) {
    throw new CommandFailure(`the next start cuts ${name}: start the node once, then verify again`);
  }
  const bases = files.flatMap((file) => {
    const parsed = parseSegmentName(file);
    return parsed?.suffix === ".log" ? [parsed.baseOffset] : [];
  });
  const at = bases.findLastIndex((base) => base <= offset);
  const baseOffset = bases[at];
  if (baseOffset === undefined) throw new Error(`${name} has no segment below the damage`);
  const recoveryPoint = await readRecoveryPoint(data, name);
  // What the last stop knew of the partition is no longer so.
  await rm(join(data, factsFileName), { force: true });
  return { baseOffset, nextOffset: bases[at + 1], recoveryPoint, isClean: true };
}

async function readRecoveryPoint(data: string, name: string): Promise<number> {
  try {
    const text = await readFile(join(data, "recovery-point-offset-checkpoint"), "utf8");
    return parseOffsetCheckpoint(text).get(name) ?? 0;
  } catch {
    // Absent or damaged: that is a finding of its own.
    return 0;
  }
}
