import type { HistoryEvent } from "../history.ts";
import { acknowledgedStays } from "./acknowledged-stays.ts";
import { type Complaint, judge } from "./check-history.ts";
import type { Checker } from "./checker.ts";
import { committedNeverChanges } from "./committed-never-changes.ts";
import { damageHeals } from "./damage-heals.ts";
import { deletedStaysDeleted } from "./deleted-stays-deleted.ts";
import { enoughReplicas } from "./enough-replicas.ts";
import { groupsKeepTheirPlace } from "./groups-keep-their-place.ts";
import { latestNeverFalls } from "./latest-never-falls.ts";
import { nothingIsStuck } from "./nothing-is-stuck.ts";
import { offsetsGoOn } from "./offsets-go-on.ts";
import { onceAndInOrder } from "./once-and-in-order.ts";
import { oneHeadAnEpoch } from "./one-head-an-epoch.ts";
import { oneOwner } from "./one-owner.ts";
import { onlyWhatWasSent } from "./only-what-was-sent.ts";
import { replicasAreEqual } from "./replicas-are-equal.ts";

const checkers: Readonly<Record<string, Checker>> = {
  "acknowledged stays": acknowledgedStays,
  "committed never changes": committedNeverChanges,
  "damage heals": damageHeals,
  "deleted stays deleted": deletedStaysDeleted,
  "enough replicas": enoughReplicas,
  "groups keep their place": groupsKeepTheirPlace,
  "latest never falls": latestNeverFalls,
  "nothing is stuck": nothingIsStuck,
  "offsets go on": offsetsGoOn,
  "once and in order": onceAndInOrder,
  "one head an epoch": oneHeadAnEpoch,
  "one owner": oneOwner,
  "only what was sent": onlyWhatWasSent,
  "replicas are equal": replicasAreEqual,
};

/** All checkers of a cluster over one history. `errors` are what its nodes logged as such. */
export function checkClusterHistory(
  history: readonly HistoryEvent[],
  errors: readonly string[],
): { complaints: Complaint[]; checked: Map<string, number> } {
  return judge(checkers, history, errors);
}
