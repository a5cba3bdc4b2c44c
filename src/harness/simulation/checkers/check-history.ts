import type { HistoryEvent } from "../history.ts";
import { acknowledgedStays } from "./acknowledged-stays.ts";
import { boundsOnlyRise } from "./bounds-only-rise.ts";
import type { Checker, Complaint } from "./checker.ts";
import { committedNeverChanges } from "./committed-never-changes.ts";
import { damageIsTold } from "./damage-is-told.ts";
import { groupsKeepTheirPlace } from "./groups-keep-their-place.ts";
import { lastOfKeyStays } from "./last-of-key-stays.ts";
import { nothingIsStuck } from "./nothing-is-stuck.ts";
import { offsetsGoOn } from "./offsets-go-on.ts";
import { onceAndInOrder } from "./once-and-in-order.ts";
import { onlyWhatWasSent } from "./only-what-was-sent.ts";

export type { Complaint };

const checkers: Readonly<Record<string, Checker>> = {
  "acknowledged stays": acknowledgedStays,
  "bounds only rise": boundsOnlyRise,
  "committed never changes": committedNeverChanges,
  "damage is told": damageIsTold,
  "groups keep their place": groupsKeepTheirPlace,
  "last of key stays": lastOfKeyStays,
  "nothing is stuck": nothingIsStuck,
  "offsets go on": offsetsGoOn,
  "once and in order": onceAndInOrder,
  "only what was sent": onlyWhatWasSent,
};

/** Log lines of a broker that has met a defect of its own. */
const defect = /invariant|unexpectedly|is not compacted for now(?!.*why=.*(damaged|CORRUPT))/;

/** All checkers over one history. `errors` are what the broker logged as such. */
export function checkHistory(
  history: readonly HistoryEvent[],
  errors: readonly string[],
): { complaints: Complaint[]; checked: Map<string, number> } {
  return judge(checkers, history, errors);
}

export function judge(
  checkers: Readonly<Record<string, Checker>>,
  history: readonly HistoryEvent[],
  errors: readonly string[],
): { complaints: Complaint[]; checked: Map<string, number> } {
  const complaints: Complaint[] = [];
  const checked = new Map<string, number>();
  for (const [checker, check] of Object.entries(checkers)) {
    const verdict = check(history);
    checked.set(checker, verdict.count);
    complaints.push(...verdict.complaints.map((text) => ({ checker, text })));
  }
  const defects = errors.filter((text) => defect.test(text));
  complaints.push(...defects.map((text) => ({ checker: "no defect is met", text })));
  return { complaints, checked };
}
