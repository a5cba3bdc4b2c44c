import { XylemError } from "../../base/errors.ts";
import type { Compare, Write } from "../../broker/ports/coordinator.ts";

/** One operation of a transaction of Consul's on a key of this cluster. */
export interface ConsulOperation {
  readonly verb: "cas" | "check-index" | "check-not-exists" | "delete" | "get" | "lock" | "unlock";
  readonly key: string;
  readonly value?: string;
  readonly index?: number;
  readonly session?: string;
  /** What it says when Consul refuses it; without, that the key changed since it was looked at. */
  readonly asks?: "compare" | "lease";
}

/** What a key held when it was looked at. Revision 0: it was not there. */
export interface KeyState {
  readonly revision: number;
  readonly lease?: string;
}

/** As many as Consul takes in one transaction, before 1.11. */
const operationsMax = 64;
const absent: KeyState = { revision: 0 };

/**
 * Keys whose binding must be known before they are written: Consul keeps a key bound to its session
 * when it is written without one, and binds none that is bound to another.
 */
export function keysToLookAt(compares: readonly Compare[], writes: readonly Write[]): string[] {
  const revisions = new Map(compares.map(({ key, revision }) => [key, revision]));
  return writes
    .filter(({ key, value }) => value !== null && revisions.get(key) !== 0)
    .map(({ key }) => key);
}

/**
 * The operations that hold the compares and make the writes, given what was found of the keys to
 * look at; if that has changed meanwhile, Consul refuses them. Undefined: a compare does not hold.
 * Throws MESSAGE_TOO_LARGE, of keys that lose their leases many at once.
 */
export function planOperations(
  compares: readonly Compare[],
  writes: readonly Write[],
  found: ReadonlyMap<string, KeyState>,
): readonly ConsulOperation[] | undefined {
  const demanded = new Map<string, number>();
  for (const { key, revision } of compares) {
    const other = demanded.get(key) ?? found.get(key)?.revision ?? revision;
    if (other !== revision) return undefined;
    demanded.set(key, revision);
  }
  const written = new Set(writes.map(({ key }) => key));
  const operations = [...demanded]
    .filter(([key]) => !written.has(key))
    .map(([key, revision]) => check(key, revision, "compare"));
  for (const write of writes) {
    const state = found.get(write.key) ?? absent;
    operations.push(...planWrite(write, demanded.get(write.key), state));
  }
  // One more is the mark.
  if (operations.length < operationsMax) return operations;
  throw new XylemError("MESSAGE_TOO_LARGE", `A change of ${operations.length} operations`);
}

function planWrite(
  { key, value, lease }: Write,
  demanded: number | undefined,
  state: KeyState,
): readonly ConsulOperation[] {
  const compared = demanded === undefined ? [] : [check(key, demanded, "compare")];
  if (value === null) return demanded === 0 ? compared : [...compared, { verb: "delete", key }];
  const index = demanded ?? state.revision;
  const asks = demanded === undefined ? {} : { asks: "compare" as const };
  const isTaken = state.lease !== undefined && state.lease !== lease?.id;
  const guard = demanded === undefined ? [check(key, index)] : compared;
  const freed = isTaken
    ? [...guard, { verb: "unlock", key, value, session: state.lease } as const]
    : compared;
  if (lease !== undefined) {
    return [...freed, { verb: "lock", key, value, session: lease.id, asks: "lease" }];
  }
  return isTaken ? freed : [{ verb: "cas", key, value, index, ...asks }];
}

function check(key: string, revision: number, asks?: "compare"): ConsulOperation {
  const said = asks === undefined ? {} : { asks };
  if (revision === 0) return { verb: "check-not-exists", key, ...said };
  return { verb: "check-index", key, index: revision, ...said };
}
