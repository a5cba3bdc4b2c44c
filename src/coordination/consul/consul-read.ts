import type { CoordinatorEntry, CoordinatorState } from "../../broker/ports/coordinator.ts";
import type { ConsulAgents } from "./consul-agents.ts";
import type { ConsulKeys } from "./consul-keys.ts";

/** What a list of keys told. */
export interface ConsulState extends CoordinatorState {
  /** Of the list itself; a query for what comes after it names that. */
  readonly index: number;
}

export const notFound = 404;

/**
 * All entries below a prefix as a quorum has them. Consul's index of a list falls when it forgets
 * deletions; that of all keys does not. So the revision is the greater of the list's own and that
 * of all keys from before: the list holds every change up to there, and none above it.
 */
export async function readPrefix(
  agents: ConsulAgents,
  keys: ConsulKeys,
  prefix: string,
): Promise<ConsulState> {
  const alsoTaken = [notFound];
  const newest = await agents.ask("A read", { path: keys.newestPath(), alsoTaken });
  const { index, body } = await agents.ask("A read", { path: keys.listPath(prefix), alsoTaken });
  return { revision: Math.max(newest.index, index), index, entries: keys.entriesOf(body) };
}

/** Which revision wrote each key below a prefix, as of the revision of all. */
interface KnownState {
  readonly prefix: string;
  readonly revision: number;
  readonly revisions: ReadonlyMap<string, number>;
}

/** States that a watch may begin at. */
const knownMax = 16;

/**
 * Consul keeps no history: what has changed since a revision is told by who knows what was there.
 * These are the last states that this client has read.
 */
export class KnownStates {
  readonly #states: KnownState[] = [];

  note(prefix: string, { revision, entries }: CoordinatorState): void {
    this.#states.unshift({ prefix, revision, revisions: revisionsOf(entries) });
    if (this.#states.length > knownMax) this.#states.pop();
  }

  /** Undefined: nobody knows what was there. */
  find(prefix: string, revision: number): ReadonlyMap<string, number> | undefined {
    const known = this.#states.find((state) => {
      return state.revision === revision && prefix.startsWith(state.prefix);
    });
    if (known === undefined || known.prefix === prefix) return known?.revisions;
    return new Map([...known.revisions].filter(([key]) => key.startsWith(prefix)));
  }
}

export function revisionsOf(entries: readonly CoordinatorEntry[]): ReadonlyMap<string, number> {
  return new Map(entries.map(({ key, revision }) => [key, revision]));
}
