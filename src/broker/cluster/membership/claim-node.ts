import type { Clock } from "../../../base/clock.ts";
import { XylemError } from "../../../base/errors.ts";
import type { Log } from "../../../base/log.ts";
import type { Coordinator, CoordinatorEntry } from "../../ports/coordinator.ts";
import type { Lease } from "../../ports/lease.ts";
import { readEntry } from "../../ports/read-entry.ts";
import { formatNodeEntry, nodeKey, type NodeEntry, parseNodeEntry } from "./node-entry.ts";

/** What a claim waits beyond the time to live of another one's lease. */
const patienceMs = 5_000;
/** Time between two looks at a key that another one holds. */
const lookIntervalMs = 250;

export interface ClaimOptions {
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly log: Log;
  readonly ttlMs: number;
}

export interface Claim {
  readonly lease: Lease;
  /** That of the node's key. */
  readonly revision: number;
}

/**
 * Makes this process the node of its id: writes the node's key, bound to a new lease. The key of
 * this same data directory's former life goes, since its lock is ours; another directory's is
 * waited for as long as a dead node's lease can last. Throws DUPLICATE_BROKER_REGISTRATION.
 *
 * `lastRevision`: of the key as this process wrote it last; 0 when it starts.
 */
export async function claimNode(
  options: ClaimOptions,
  own: NodeEntry,
  lastRevision = 0,
): Promise<Claim> {
  const { clock, coordinator, log } = options;
  const lastsMs = coordinator.leaseLastsMs?.(options.ttlMs) ?? options.ttlMs;
  const untilMs = clock.monotonicMs() + lastsMs + patienceMs;
  for (;;) {
    const found = await readEntry(coordinator, nodeKey(own.id));
    if (found === undefined) {
      const claim = await tryClaim(options, own);
      if (claim !== undefined) return claim;
      continue;
    }
    const holder = parseNodeEntry(found.key, found.value);
    if (holder.directoryId === own.directoryId) {
      if (lastRevision > 0 && isLater(found, holder, own, lastRevision)) throw copied(own, holder);
      await endFormerLife(coordinator, found);
      continue;
    }
    if (clock.monotonicMs() >= untilMs) throw taken(own, holder);
    log.info("another node has this id; waiting for its lease", { nodeId: own.id });
    await new Promise<void>((resolve) => clock.schedule(lookIntervalMs, resolve));
  }
}

async function tryClaim(options: ClaimOptions, own: NodeEntry): Promise<Claim | undefined> {
  const { coordinator, ttlMs } = options;
  const key = nodeKey(own.id);
  const lease = await coordinator.lease(ttlMs);
  try {
    const value = formatNodeEntry(own);
    const revision = await coordinator.transact([{ key, revision: 0 }], [{ key, value, lease }]);
    if (revision !== undefined) return { lease, revision };
  } catch (error) {
    await lease.revoke().catch(() => undefined);
    throw error;
  }
  await lease.revoke();
  return undefined;
}

/** With its lease all goes that it held, the controller's key included. */
async function endFormerLife(coordinator: Coordinator, found: CoordinatorEntry): Promise<void> {
  if (found.lease !== undefined) await coordinator.revoke(found.lease);
  // A key that is still there is bound to no lease.
  const { key, revision } = found;
  await coordinator.transact([{ key, revision }], [{ key, value: null }]);
}

/**
 * Another process has begun since on this directory, which is locked here: it has a copy of it.
 * What is older, or bound to no lease, came back with a backup of the coordinator.
 */
function isLater(
  found: CoordinatorEntry,
  holder: NodeEntry,
  own: NodeEntry,
  lastRevision: number,
): boolean {
  const isOwn = holder.incarnation === own.incarnation;
  return !isOwn && found.lease !== undefined && found.revision > lastRevision;
}

function taken(own: NodeEntry, holder: NodeEntry): XylemError {
  return new XylemError(
    "DUPLICATE_BROKER_REGISTRATION",
    `node.id ${own.id} belongs to a running node ${placeOf(holder)}, with another data directory ` +
      `(${holder.directoryId}, here ${own.directoryId}); give this one a node.id of its own`,
  );
}

function copied(own: NodeEntry, holder: NodeEntry): XylemError {
  return new XylemError(
    "DUPLICATE_BROKER_REGISTRATION",
    `node.id ${own.id} was taken over by a node ${placeOf(holder)} that was started with a copy ` +
      `of this data directory (${own.directoryId})`,
  );
}

function placeOf({ addresses }: NodeEntry): string {
  const { host, port } = addresses.peer ?? addresses.kafka ?? { host: "", port: 0 };
  return host === "" ? "which is starting" : `at ${host}:${port}`;
}
