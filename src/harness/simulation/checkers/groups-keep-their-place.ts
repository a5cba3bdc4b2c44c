import type { Checker } from "./checker.ts";

interface Commit {
  readonly offset: number;
  /** Event numbers: an acknowledgement may never come. */
  readonly askedAt: number;
  ackedAt: number;
}

/**
 * A group that asks where it was gets an offset that was committed, none older than the newest one
 * that had been acknowledged before it asked.
 */
export const groupsKeepTheirPlace: Checker = (history) => {
  const byPlace = new Map<string, Commit[]>();
  const byNumber = new Map<number, Commit>();
  const complaints: string[] = [];
  let count = 0;
  for (const [at, event] of history.entries()) {
    if (event.kind === "commitAsked") {
      const commit = { offset: event.offset, askedAt: at, ackedAt: Infinity };
      const place = `${event.group} ${event.partition}`;
      byPlace.set(place, [...(byPlace.get(place) ?? []), commit]);
      byNumber.set(event.commit, commit);
    } else if (event.kind === "commitAcked") {
      const commit = byNumber.get(event.commit);
      if (commit !== undefined) commit.ackedAt = at;
    } else if (event.kind === "commitFetched") {
      count += 1;
      const place = `${event.group} ${event.partition}`;
      const commits = byPlace.get(place) ?? [];
      const { askedAt } = event;
      const newest = commits.findLastIndex(({ ackedAt }) => ackedAt < askedAt);
      const possible = commits.slice(Math.max(0, newest)).map(({ offset }) => offset);
      if (newest === -1) possible.push(-1);
      if (possible.includes(event.offset)) continue;
      complaints.push(`${place}: ${event.offset} is not one of ${possible.join(" ")}`);
    }
  }
  return { complaints, count };
};
