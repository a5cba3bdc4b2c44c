import { XylemError } from "../../base/errors.ts";
import type { LiveTopic } from "./live-topic.ts";
import type { Assignment } from "./topic-chains.ts";

/** What somebody asks for. -1 leaves partitions and replicas to the node's settings. */
export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  readonly replicas: number;
  /** The replicas of each partition by hand; then `partitions` and `replicas` are -1. */
  readonly assignments?: readonly PartitionAssignment[];
  /** A null value is refused, with the name of its config. */
  readonly configs: ReadonlyMap<string, string | null>;
}

export interface PartitionAssignment {
  readonly index: number;
  readonly replicas: readonly number[];
}

/** How a topic is to grow. */
export interface GrowOptions {
  /** The replicas of each new partition by hand. */
  readonly assignments?: readonly (readonly number[])[] | undefined;
  readonly validateOnly?: boolean;
}

export interface TopicShape {
  readonly partitions: number;
  /** Of each partition. */
  readonly replicas: number;
}

/** The partitions and replicas that were asked for; the counts behind -1 come from `defaults`. */
export function planPartitions(
  asked: NewTopic,
  defaults: TopicShape & { readonly isEverywhere: boolean },
  nodes: readonly number[],
): TopicShape {
  const assignments = asked.assignments ?? [];
  if (assignments.length > 0) return planAssigned(asked, assignments, nodes);
  const replicas = replicasOf(asked, defaults, nodes);
  if (replicas < 1) {
    throw new XylemError(
      "INVALID_REPLICATION_FACTOR",
      "Replication factor must be larger than 0, or -1 to use the default value.",
    );
  }
  if (replicas > nodes.length) {
    throw new XylemError(
      "INVALID_REPLICATION_FACTOR",
      `Unable to replicate the partition ${replicas} time(s): ` +
        `the cluster has ${nodes.length} node(s)`,
    );
  }
  const partitions = asked.partitions === -1 ? defaults.partitions : asked.partitions;
  if (partitions < 1) {
    throw new XylemError(
      "INVALID_PARTITIONS",
      "Number of partitions was set to an invalid non-positive value.",
    );
  }
  return { partitions, replicas };
}

/** A topic that is on all nodes (replicas=all) has as many replicas as there are. */
function replicasOf(
  { replicas }: NewTopic,
  defaults: TopicShape & { readonly isEverywhere: boolean },
  nodes: readonly number[],
): number {
  if (!defaults.isEverywhere) return replicas === -1 ? defaults.replicas : replicas;
  if (replicas === -1 || replicas === nodes.length) return nodes.length;
  const detail = `With replicas=all there are ${nodes.length} replicas: the factor must be -1.`;
  throw new XylemError("INVALID_REPLICATION_FACTOR", detail);
}

/** The replicas by hand, by index; undefined: there are none. What they are is checked before. */
export function assignedBy({ assignments = [] }: NewTopic): Assignment | undefined {
  if (assignments.length === 0) return undefined;
  return [...assignments].sort((a, b) => a.index - b.index).map(({ replicas }) => replicas);
}

function planAssigned(
  asked: NewTopic,
  assignments: readonly PartitionAssignment[],
  nodes: readonly number[],
): TopicShape {
  if (asked.partitions !== -1 || asked.replicas !== -1) {
    throw new XylemError(
      "INVALID_REQUEST",
      "A manual partition assignment was specified: partitions and replication factor must be -1.",
    );
  }
  const indexes = assignments.map((assignment) => assignment.index).sort((a, b) => a - b);
  if (indexes.some((index, at) => index !== at)) {
    throw new XylemError(
      "INVALID_REPLICA_ASSIGNMENT",
      "Partitions should be a consecutive 0-based integer sequence, each of them once.",
    );
  }
  const replicas = assignments[0]?.replicas.length ?? 0;
  for (const assignment of assignments) checkReplicas(assignment.replicas, replicas, nodes);
  return { partitions: assignments.length, replicas };
}

/** Growing a topic to `count` partitions, the new ones' replicas by hand or not. */
export interface Growth {
  readonly count: number;
  readonly assignments?: Assignment | undefined;
  /** Of each partition there is; 1. */
  readonly replicas?: number;
}

/** Throws INVALID_PARTITIONS, INVALID_REPLICA_ASSIGNMENT. */
export function checkGrowth(
  topic: Pick<LiveTopic, "name" | "isInternal" | "storedCount">,
  { count, assignments, replicas = 1 }: Growth,
  nodes: readonly number[],
): void {
  const before = topic.storedCount;
  if (topic.isInternal) {
    // Groups lie in the partition that their hash names: with another count they would be lost.
    throw new XylemError("INVALID_REQUEST", `${topic.name} keeps its ${before} partitions.`);
  }
  if (count <= before) {
    throw new XylemError(
      "INVALID_PARTITIONS",
      `The topic ${topic.name} has ${before} partition(s); ${count} is no increase.`,
    );
  }
  if (assignments === undefined) return;
  if (assignments.length !== count - before) {
    throw new XylemError(
      "INVALID_REPLICA_ASSIGNMENT",
      `Attempted to add ${count - before} partition(s), but ` +
        `${assignments.length} assignment(s) were specified.`,
    );
  }
  for (const nodeIds of assignments) checkReplicas(nodeIds, replicas, nodes);
}

/** A list of replicas: `count` of them, each a live node, none twice. */
function checkReplicas(replicas: readonly number[], count: number, nodes: readonly number[]): void {
  const wrong = (reason: string): XylemError =>
    new XylemError("INVALID_REPLICA_ASSIGNMENT", `The manual partition assignment ${reason}`);
  if (replicas.length === 0) throw wrong("includes an empty replica list.");
  if (replicas.length !== count) throw wrong("has different numbers of replicas.");
  if (new Set(replicas).size < replicas.length) throw wrong("names a node twice.");
  const stranger = replicas.find((node) => !nodes.includes(node));
  if (stranger !== undefined) throw wrong(`names node ${stranger}, which is not there.`);
}
