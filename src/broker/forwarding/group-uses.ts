import type { StopSignal } from "../../base/stop-signal.ts";
import type { AskedTopic } from "../groups/acknowledged-offsets.ts";
import { describeHere, listHere } from "../groups/describe-group.ts";
import { ackHere, type Acknowledged } from "../groups/pull/group-ack.ts";
import { fetchHere, type GroupFetch } from "../groups/pull/group-fetch.ts";
import {
  deleteHere,
  forgetHere,
  type ForgottenPositions,
  positionsHere,
  resetHere,
  type WantedPosition,
} from "../groups/pull/group-positions.ts";
import { leaveHere, type PullMember } from "../groups/pull/pull-member.ts";
import type { RecordScope, StoredRecord } from "../records/stored-record.ts";
import { catchUpTopic } from "../topics/catch-up-topic.ts";

interface OfGroup {
  readonly group: string;
}

/** What nodes ask each other of groups. */
export interface GroupAsks {
  readonly fetch: Omit<GroupFetch, "signal" | "room" | "member"> & { readonly member: string };
  readonly ack: OfGroup & { readonly pull: PullMember; readonly acknowledged: Acknowledged };
  readonly leave: OfGroup & { readonly pull: PullMember };
  readonly describe: OfGroup;
  readonly positions: OfGroup;
  readonly reset: OfGroup & { readonly wanted: readonly WantedPosition[] };
  readonly forget: OfGroup & { readonly of: ForgottenPositions };
  readonly delete: OfGroup;
  readonly list: object;
  readonly passed: { readonly topics: readonly AskedTopic[] };
}

export type GroupUse = keyof GroupAsks;

/** `told` goes as JSON. */
export interface GroupTold {
  readonly told: unknown;
  readonly records: readonly StoredRecord[];
}

type Uses = {
  readonly [Use in GroupUse]: (
    scope: RecordScope,
    ask: GroupAsks[Use],
    signal: StopSignal,
  ) => Promise<GroupTold>;
};

/** How they are answered. */
export const groupUses: Uses = {
  fetch: async (scope, ask, signal) => {
    // One that was just made may be news.
    const { broker } = scope;
    const missing = ask.topics.filter((name) => broker.topics.find(name) === undefined);
    for (const name of missing) await catchUpTopic(broker, name);
    const { records, ...told } = await fetchHere(scope, { ...ask, signal });
    return { told, records };
  },
  ack: ({ broker }, { pull, acknowledged }) => telling(ackHere(broker, pull, acknowledged)),
  leave: ({ broker }, { pull }) => telling(leaveHere(broker, pull)),
  describe: ({ broker }, { group }) => telling(describeHere(broker, group)),
  positions: ({ broker }, { group }) => telling(positionsHere(broker, group)),
  reset: ({ broker }, { group, wanted }) => telling(resetHere(broker, group, wanted)),
  forget: ({ broker }, { group, of }) => telling(forgetHere(broker, group, of)),
  delete: ({ broker }, { group }) => telling(deleteHere(broker, group)),
  list: ({ broker }) => telling(listHere(broker)),
  passed: ({ broker }, { topics }) => telling(broker.groups.passed(topics)),
};

async function telling(result: unknown): Promise<GroupTold> {
  return { told: (await result) ?? null, records: [] };
}
