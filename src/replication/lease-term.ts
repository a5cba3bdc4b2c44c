import { type ChainConfig, roleOf } from "./chain-config.ts";
import type { Member } from "./member.ts";

/** How far the clocks of a node and of the coordinator may run apart, as a share of the time. */
export const clockDriftMax = 0.1;

/**
 * Until when, by this node's monotonic clock, a lease surely holds: the coordinator counts it from
 * when it read the keep-alive, which was not before it was sent (cluster.md section 4, Lease).
 */
export function leaseHoldsUntil(sentMs: number, ttlMs: number): number {
  return sentMs + ttlMs * (1 - clockDriftMax);
}

/** What a node's lease says of it. */
export interface Standing {
  /** By the node's monotonic clock, until when its lease surely holds; -Infinity: it has none. */
  readonly holdsUntilMs: number;
  /** The coordinator's revision of the node's key bound to that lease. */
  readonly sinceRevision: number;
}

/**
 * Whether a node may act on what it knows: its lease holds, and its image is not older than the
 * lease. Once one is lost and granted anew nothing is served until the image has reached the
 * revision of the grant: chains may have changed meanwhile.
 */
export function isInForce(
  { holdsUntilMs, sinceRevision }: Standing,
  { nowMs, imageRevision }: { readonly nowMs: number; readonly imageRevision: number },
): boolean {
  return nowMs < holdsUntilMs && imageRevision >= sinceRevision;
}

/**
 * Whether the chain, as the image has it, is led by another one in a later epoch than that in which
 * a replica still runs: with thousands of chains they hear one after the other of what the image
 * has all at once. Where this life leads on, what it does in the earlier epoch holds.
 */
export function isDeposed(
  config: ChainConfig | undefined,
  replica: { readonly epoch: number; readonly self: Pick<Member, "id" | "incarnation"> },
): boolean {
  if (config === undefined || config.epoch <= replica.epoch) return false;
  const role = roleOf(config, replica.self);
  return role !== "head" && role !== "solo";
}
