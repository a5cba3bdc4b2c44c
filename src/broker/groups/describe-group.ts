import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import { parseUuid } from "../../base/uuid.ts";
import type { Assignment } from "../../groups/consumer/consumer-events.ts";
import type { Broker } from "../broker.ts";
import { atCoordinator } from "./pull/at-coordinator.ts";
import type { GroupListing } from "./group-coordinator.ts";

/** A group of either kind as people ask for it. */
export interface DescribedGroup {
  readonly group: string;
  readonly kind: "classic" | "consumer";
  readonly state: string;
  /** Null: the group is classic. */
  readonly epoch: number | null;
  readonly members: readonly DescribedMember[];
}

export interface DescribedMember {
  readonly member: string;
  readonly clientId: string;
  readonly clientHost: string;
  /** Null: classic members keep it among themselves. */
  readonly assignment:
    | readonly { readonly topic: string; readonly partitions: readonly number[] }[]
    | null;
}

/** All groups by name, of all nodes. Throws COORDINATOR_LOAD_IN_PROGRESS and the like. */
export async function listGroups(broker: Broker): Promise<readonly GroupListing[]> {
  const { forwarding } = broker;
  const here = (): Promise<readonly GroupListing[]> => listHere(broker);
  if (forwarding === undefined) return await here();
  const found = await forwarding.eachNode(broker, { use: "list", ask: {}, here });
  return found.flat().toSorted(byName);
}

/** In a cluster a partition of groups may not come for long; the others are not waited for. */
const loadingMsMax = 5_000;

/** Those that this node coordinates. */
export async function listHere({
  groups,
  clock,
  cluster,
}: Broker): Promise<readonly GroupListing[]> {
  const loading = groups.whenLoaded();
  if (cluster === undefined) await loading;
  else await inTime(clock, loading, loadingMsMax);
  const { error, groups: found } = groups.list();
  if (error !== null) throw new XylemError(error, "groups can not be listed now");
  return found.toSorted(byName);
}

function inTime(clock: Clock, work: Promise<void>, mostMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.schedule(mostMs, resolve);
    void work.then(() => {
      cancel();
      resolve();
    });
  });
}

function byName(one: GroupListing, other: GroupListing): number {
  return one.group < other.group ? -1 : 1;
}

/** Throws GROUP_ID_NOT_FOUND. */
export async function describeGroup(broker: Broker, group: string): Promise<DescribedGroup> {
  const here = (): DescribedGroup => describeHere(broker, group);
  return await atCoordinator(broker, group, { use: "describe", ask: { group }, here });
}

/** Of a group that this node coordinates. */
export function describeHere(broker: Broker, group: string): DescribedGroup {
  const found = broker.groups.describe(group);
  if (found === undefined) throw noGroup(group);
  if ("error" in found) throw new XylemError(found.error, `${group} can not be described now`);
  const { kind, phase: state } = found;
  if (found.kind === "classic") {
    const members = found.members.map(({ memberId: member, clientId, clientHost }) => ({
      member,
      clientId,
      clientHost,
      assignment: null,
    }));
    return { group, kind, state, epoch: null, members };
  }
  const members = found.members.map(({ memberId: member, clientId, clientHost, assigned }) => ({
    member,
    clientId,
    clientHost,
    assignment: named(broker, assigned),
  }));
  return { group, kind, state, epoch: found.epoch, members };
}

export function noGroup(group: string): XylemError {
  return new XylemError("GROUP_ID_NOT_FOUND", `There is no group ${group}`);
}

function named({ topics }: Broker, assigned: Assignment) {
  return [...assigned].flatMap(([topicId, partitions]) => {
    const topic = topics.findById(parseUuid(topicId))?.name;
    return topic === undefined ? [] : [{ topic, partitions }];
  });
}
