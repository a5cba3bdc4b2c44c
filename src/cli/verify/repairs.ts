import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { factsFileName } from "../../broker/partition/directory/facts-file.ts";
import { formatPartitionName } from "../../broker/partition/partition-name.ts";
import { parseSegmentName } from "../../log/segment-name.ts";
import { parseOffsetCheckpoint } from "../../log/text-checkpoint.ts";
import { skipDamage } from "./skip-damage.ts";
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
      run: () => skipOffsets(data, name, range),
    };
  }
  if (!removable.test(file)) return undefined;
  return {
    words: `rebuild ${file} of ${name}`,
    run: async () => await rm(join(folder, file), { force: true }),
  };
}

async function skipOffsets(
  data: string,
  name: string,
  range: { readonly firstOffset: number; readonly endOffset: number },
): Promise<void> {
  const folder = join(data, name);
  const bases = (await readdir(folder)).toSorted().flatMap((file) => {
    const parsed = parseSegmentName(file);
    return parsed?.suffix === ".log" ? [parsed.baseOffset] : [];
  });
  const at = bases.findLastIndex((base) => base <= range.firstOffset);
  const baseOffset = bases[at];
  if (baseOffset === undefined) throw new Error(`${name} has no segment below the damage`);
  const recoveryPoint = await readRecoveryPoint(data, name);
  // What the last stop knew of the partition is no longer so.
  await rm(join(data, factsFileName), { force: true });
  const bounds = { baseOffset, nextOffset: bases[at + 1], recoveryPoint, isClean: true };
  await skipDamage(folder, bounds, range);
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
