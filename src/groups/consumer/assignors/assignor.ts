import type { Assignment } from "../consumer-events.ts";
import { assignRanges } from "./range.ts";
import { assignUniformly } from "./uniform.ts";

/** A member as an assignor sees it. */
export interface AssignedMember {
  readonly id: string;
  readonly instanceId: string | null;
  /** Text ids of existing topics, without repetition. */
  readonly topicIds: readonly string[];
  /** Its earlier target; may name topics and partitions that are no more. */
  readonly previous: Assignment;
}

export interface AssignorInput {
  /** In any order; the outcome does not depend on it. */
  readonly members: readonly AssignedMember[];
  /** How many partitions each topic has, by text id. */
  readonly partitionCounts: ReadonlyMap<string, number>;
}

/** Answers a target for every member: each partition of a subscribed topic goes to exactly one. */
export type Assignor = (input: AssignorInput) => ReadonlyMap<string, Assignment>;

export type AssignorName = "uniform" | "range";

export const assignors: Readonly<Record<AssignorName, Assignor>> = {
  uniform: assignUniformly,
  range: assignRanges,
};

/** That which most members ask for; of equals the one that is configured first. */
export function chooseAssignor(
  wanted: Iterable<string | null>,
  configured: readonly AssignorName[],
): AssignorName {
  const votes = new Map<string, number>();
  for (const name of wanted) if (name !== null) votes.set(name, (votes.get(name) ?? 0) + 1);
  const [first = "uniform"] = configured;
  return configured.reduce(
    (best, name) => ((votes.get(name) ?? 0) > (votes.get(best) ?? 0) ? name : best),
    first,
  );
}
