import { XylemError } from "../../base/errors.ts";
import { parseUuid } from "../../base/uuid.ts";
import type { Assignment } from "../../groups/consumer/consumer-events.ts";
import type { Broker } from "../broker.ts";
import { placeOf } from "../cluster/partition-place.ts";
import type { NodeTold } from "../forwarding/forwarding.ts";
import { offsetsTopic } from "../topics/internal-topics.ts";
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

/** Groups by name, as far as they can be told of. */
export interface ListedGroups {
  readonly groups: readonly GroupListing[];
  /** There may be more. */
  readonly isPartial: boolean;
  /** Nodes that are up and did not tell of all of theirs, and why. */
  readonly missing: readonly { readonly node: number; readonly error: XylemError }[];
}

/** In a cluster what nodes know is told soon; one by itself waits for all of it. */
const loadingMsMax = { alone: 30_000, together: 5_000 };

/** Of all nodes. Throws COORDINATOR_LOAD_IN_PROGRESS and the like where none can tell any. */
export async function listGroups(broker: Broker): Promise<ListedGroups> {
  const { forwarding, identity } = broker;
  const here = (): Promise<GroupsHere> => listHere(broker);
  if (forwarding === undefined) return toListed([{ id: identity.nodeId, told: await here() }]);
  const timeoutMs = loadingMsMax.together;
  const told = await forwarding.eachNode(broker, { use: "list", ask: {}, here, timeoutMs });
  const listed = toListed(told);
  return { ...listed, isPartial: listed.isPartial || !isLedWhole(broker) };
}

function toListed(nodes: readonly NodeTold<GroupsHere>[]): ListedGroups {
  const found = new Map<string, GroupListing>();
  const missing: { readonly node: number; readonly error: XylemError }[] = [];
  for (const one of nodes) {
    if ("told" in one) for (const group of one.told.groups) found.set(group.group, group);
    const error = "told" in one ? whyPartial(one.told) : one.failure;
    if (error !== undefined) missing.push({ node: one.id, error });
  }
  const [first] = missing;
  if (first !== undefined && found.size === 0 && missing.length === nodes.length) throw first.error;
  return { groups: [...found.values()].toSorted(byName), isPartial: missing.length > 0, missing };
}

function whyPartial({ error }: GroupsHere): XylemError | undefined {
  return error === null ? undefined : new XylemError(error, "not all groups can be listed now");
}

/** Whether all groups that there are have a coordinator. */
function isLedWhole(broker: Broker): boolean {
  const topic = broker.topics.find(offsetsTopic);
  if (topic === undefined) return true;
  return topic.partitions.every((log) => placeOf(broker, topic.id, log).leaderId >= 0);
}

type GroupsHere = ReturnType<Broker["groups"]["list"]>;

/** Those that this node coordinates, and why not all. */
export async function listHere({ groups, deadlines, cluster }: Broker): Promise<GroupsHere> {
  const timeoutMs = cluster === undefined ? loadingMsMax.alone : loadingMsMax.together;
  await groups.loading().isDoneIn(deadlines, timeoutMs);
  return groups.list();
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
