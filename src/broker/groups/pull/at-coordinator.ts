import { type ErrorCode, XylemError } from "../../../base/errors.ts";
import type { StopSignal } from "../../../base/stop-signal.ts";
import type { Broker } from "../../broker.ts";
import type { StoredRecord } from "../../records/stored-record.ts";
import type { RoomAsk } from "../../forwarding/in-room.ts";
import type { GroupUse } from "../../forwarding/group-uses.ts";

/** Something that is done of a group where it is coordinated; a second time does no harm. */
export interface GroupWork<T> {
  readonly use: GroupUse;
  /** What another node is asked, as JSON. */
  readonly ask: object;
  readonly here: () => T | Promise<T>;
  /** Of another node's answer; absent: it is the result. */
  readonly read?: (told: unknown, records: readonly StoredRecord[]) => T;
  /** Records are answered; `maxBytes` of `ask` is at most what there is room for. */
  readonly reading?: RoomAsk;
  /** Ends a wait. */
  readonly signal?: StopSignal | undefined;
  /** What a second time throws when the first did it; such work answers nothing. */
  readonly repeated?: ErrorCode;
  /** How long another node may take for it, apart from waiting; 30 s when absent. */
  readonly timeoutMs?: number;
}

/** Here, or in a cluster on the node that leads the group's partition. Throws as that one does. */
export async function atCoordinator<T>(
  broker: Broker,
  group: string,
  work: GroupWork<T>,
): Promise<T> {
  const { forwarding } = broker;
  if (forwarding !== undefined) return await forwarding.group(broker, group, work);
  await whenServed(broker, group);
  return await work.here();
}

/** How long a request waits for a group that is not loaded; a head may never commit again. */
const loadingMsMax = 30_000;

/**
 * Waits for the group to be loaded. Throws NOT_COORDINATOR and the like where it is not here, and
 * REQUEST_TIMED_OUT where that takes too long.
 */
export async function whenServed({ groups, deadlines }: Broker, group: string): Promise<void> {
  if (!(await groups.loading(group).isDoneIn(deadlines, loadingMsMax))) {
    const detail = `group ${group} is still being loaded; nothing was done`;
    throw new XylemError("REQUEST_TIMED_OUT", detail);
  }
  const refused = groups.refusal(group);
  if (refused !== null) throw new XylemError(refused, `group ${group} can not be served now`);
}
