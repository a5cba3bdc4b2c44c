import { defaultNodeSettings } from "../../../src/base/settings/node-settings.ts";

/** What happened to the committed offset of one partition of a group. */
export interface CommitEvent {
  /** A commit was answered, or somebody was told what is committed. */
  readonly kind: "acknowledged" | "seen";
  /** -1: nothing is committed. */
  readonly offset: number;
  /** When it was answered; of what was seen, when it was asked for. */
  readonly atMs: number;
}

/**
 * A coordinator that was replaced may answer by what it knows until it hears of that: at the latest
 * when its lease has run out.
 */
const staleMsMax = defaultNodeSettings["cluster.lease.ms"] + 500;

/** Committed offsets that went back, or stayed behind what had been acknowledged. */
export function findLostCommits(key: string, events: readonly CommitEvent[]): string[] {
  const complaints: string[] = [];
  const acknowledged = events.filter(({ kind }) => kind === "acknowledged");
  let [highest, due, next] = [-1, -1, 0];
  for (const { offset, atMs } of events.filter(({ kind }) => kind === "seen")) {
    for (; (acknowledged[next]?.atMs ?? Infinity) < atMs - staleMsMax; next += 1) {
      due = Math.max(due, acknowledged[next]?.offset ?? -1);
    }
    const at = `${key}, ${Math.round(atMs)} ms`;
    if (offset < highest) complaints.push(`${at}: committed went from ${highest} to ${offset}`);
    if (offset < due) complaints.push(`${at}: committed is ${offset}, ${due} was acknowledged`);
    highest = Math.max(highest, offset);
  }
  return complaints;
}
