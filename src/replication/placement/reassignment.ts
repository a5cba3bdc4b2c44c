import { XylemError } from "../../base/errors.ts";
import type { ChainConfig } from "../chain-config.ts";

/** What is under way, in the words of Kafka's tools. */
export interface Reassignment {
  /** All that have or will have a replica. */
  readonly replicas: readonly number[];
  readonly adding: readonly number[];
  readonly removing: readonly number[];
}

/** Undefined: the partition is not being reassigned. */
export function reassignmentOf({ replicas, target }: ChainConfig): Reassignment | undefined {
  if (target === undefined) return undefined;
  const adding = target.filter((id) => !replicas.includes(id));
  const removing = replicas.filter((id) => !target.includes(id));
  return { replicas: [...target, ...removing], adding, removing };
}

/**
 * From now on the partition is to be on these nodes. The epoch stays: the changes that follow from
 * it are the controller's. Throws INVALID_REPLICA_ASSIGNMENT for an empty list, a node named twice,
 * or one that `isKnown` does not know.
 */
export function withTarget(
  config: ChainConfig,
  target: readonly number[],
  isKnown: (id: number) => boolean,
): ChainConfig {
  const unknown = target.find((id) => !isKnown(id));
  if (target.length === 0) throw refused("a partition is on one node at least");
  if (new Set(target).size < target.length)
    throw refused(`a node is named twice: ${target.join(", ")}`);
  if (unknown !== undefined) throw refused(`node ${unknown} is not known`);
  if (isSameList(target, config.replicas)) return withoutTarget(config);
  return { ...config, target };
}

/** Reassigned no more: the controller brings it back to where it was. The epoch stays. */
export function withoutTarget(config: ChainConfig): ChainConfig {
  return config.target === undefined ? config : withReplicas(config, config.replicas);
}

/** As `withoutTarget`; throws NO_REASSIGNMENT_IN_PROGRESS when there is none. */
export function cancelReassignment(config: ChainConfig): ChainConfig {
  if (config.target !== undefined) return withoutTarget(config);
  throw new XylemError("NO_REASSIGNMENT_IN_PROGRESS", "the partition is not being reassigned");
}

/** The assignment is this, and nothing else is wanted any more. The epoch stays. */
export function withReplicas(config: ChainConfig, replicas: readonly number[]): ChainConfig {
  const { epoch, members, joining, leaving, unclean, era } = config;
  const ever = era === undefined ? {} : { era };
  return { epoch, members, joining, leaving, unclean, replicas, ...ever };
}

export function isSameList(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((id, place) => id === right[place]);
}

function refused(detail: string): XylemError {
  return new XylemError("INVALID_REPLICA_ASSIGNMENT", detail);
}
