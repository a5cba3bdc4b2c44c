import type { CallId, MemberProtocol } from "./classic-events.ts";

const nothing = new Uint8Array(0);

export interface MemberIdentity {
  readonly id: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
}

/** What a member says of itself with each JoinGroup. */
export interface MemberTerms {
  readonly protocols: readonly MemberProtocol[];
  readonly rebalanceTimeoutMs: number;
  readonly sessionTimeoutMs: number;
}

/** One member of a classic group. */
export class ClassicMember {
  readonly id: string;
  readonly instanceId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  terms: MemberTerms;
  assignment: Uint8Array = nothing;
  /** Its first join phase has not ended: it may be dropped even while its JoinGroup waits. */
  isNew = false;
  /** Waiting calls; null: none. */
  joinCall: CallId | null = null;
  syncCall: CallId | null = null;
  /** Monotonic. Infinity: it is not timed, for a call of it waits. */
  sessionDeadlineMs = Infinity;

  constructor(identity: MemberIdentity, terms: MemberTerms) {
    this.id = identity.id;
    this.instanceId = identity.instanceId;
    this.clientId = identity.clientId;
    this.clientHost = identity.clientHost;
    this.terms = terms;
  }

  get isStatic(): boolean {
    return this.instanceId !== null;
  }

  /** A waiting member is alive by definition; a new one is not, since it may never learn its id. */
  get isExcusedFromHeartbeat(): boolean {
    return !this.isNew && (this.joinCall !== null || this.syncCall !== null);
  }

  /** The same protocols with the same bytes in the same order. */
  offersSame(protocols: readonly MemberProtocol[]): boolean {
    const own = this.terms.protocols;
    return (
      own.length === protocols.length &&
      own.every((protocol, index) => isSameProtocol(protocol, protocols[index]))
    );
  }

  /** The opaque bytes that go with a protocol; empty when it is not offered. */
  metadataOf(protocolName: string | null): Uint8Array {
    return this.terms.protocols.find((one) => one.name === protocolName)?.metadata ?? nothing;
  }
}

function isSameProtocol(one: MemberProtocol, other: MemberProtocol | undefined): boolean {
  if (other === undefined || one.name !== other.name) return false;
  if (one.metadata.length !== other.metadata.length) return false;
  return one.metadata.every((byte, index) => byte === other.metadata[index]);
}
