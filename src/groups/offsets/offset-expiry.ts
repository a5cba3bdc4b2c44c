import type { CommittedOffset } from "../group-record.ts";

/** What decides about the offsets of a group, beside their own times. */
export interface ExpiringGroup {
  /** Null: the group only holds offsets. */
  readonly protocolType: string | null;
  readonly phase: string;
  readonly isConsumerGroup: boolean;
  /** Wall clock; null: not known. */
  readonly stateTimestampMs: number | null;
  readonly subscribedTopics: ReadonlySet<string> | undefined;
  isSubscribedTo(topic: string): boolean;
}

/**
 * Whether a committed offset has outlived its use (semantics of offsets, Expiry; KIP-211).
 * An explicit expiry time wins. Else retention counts from when the group became empty, or from
 * the commit: for groups without members ever, and for topics a stable consumer group has given
 * up. Nothing else expires while the group has members.
 */
export function isExpired(
  group: ExpiringGroup,
  offset: CommittedOffset & { readonly topic: string },
  now: { readonly wallMs: number; readonly retentionMs: number },
): boolean {
  const sinceMs = retentionStartMs(group, offset);
  if (sinceMs === undefined || group.isSubscribedTo(offset.topic)) return false;
  if (offset.expireTimestampMs !== null) return now.wallMs >= offset.expireTimestampMs;
  return now.wallMs - sinceMs >= now.retentionMs;
}

function retentionStartMs(group: ExpiringGroup, offset: CommittedOffset): number | undefined {
  if (group.protocolType === null) return offset.commitTimestampMs;
  if (group.phase === "Empty") return group.stateTimestampMs ?? offset.commitTimestampMs;
  const knowsTopics = group.isConsumerGroup && group.subscribedTopics !== undefined;
  return knowsTopics && group.phase === "Stable" ? offset.commitTimestampMs : undefined;
}
