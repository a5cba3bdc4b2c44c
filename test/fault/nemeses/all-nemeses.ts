import type { Nemesis } from "../campaign/arena.ts";
import { coordinatorLosses } from "./coordinator-losses.ts";
import { deletions } from "./deletions.ts";
import { kills } from "./kills.ts";
import { memberships } from "./memberships.ts";
import { partitions } from "./partitions.ts";
import { pauses } from "./pauses.ts";
import { scarcities } from "./scarcities.ts";

export const allNemeses: readonly Nemesis[] = [
  ...kills,
  ...pauses,
  ...partitions,
  ...coordinatorLosses,
  ...scarcities,
  ...deletions,
  ...memberships,
];

/** The nemesis of this name. */
export function nemesis(name: string): Nemesis {
  const found = allNemeses.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no nemesis "${name}"`);
  return found;
}
