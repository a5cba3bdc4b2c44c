import type { ChainConfig } from "../chain-config.ts";
import type { LogEnd, ChainAsk, Life } from "./chain-ask.ts";
import type { NodeLookup, TopicRules } from "./controlled-node.ts";

/** A chain, as the image has it. */
export interface ControlledChain {
  readonly key: string;
  /** The coordinator's revision of the entry. */
  readonly revision: number;
  readonly config: ChainConfig;
}

/** All that a chain is decided on. */
export interface ChainSituation {
  readonly chain: ControlledChain;
  readonly topic: TopicRules;
  /** Nodes that are up: leased, and not known to be gone. */
  readonly nodes: NodeLookup;
  /** Nodes whose lease holds: whether all are down is judged by leases alone. */
  readonly leased: NodeLookup;
  readonly notes: ChainNotes;
  readonly nowMs: number;
  readonly times: ControllerTimes;
  /** Node ids the partition is to be on, the preferred head first. */
  readonly wanted: readonly number[];
  /**
   * The chain is as the backup has it that the coordinator was restored from; until then nodes have
   * time to say what they know better.
   */
  readonly restored?: RestoredState | undefined;
  /** Whether a node has a lease and does not know yet what it holds. */
  isStarting(id: number): boolean;
  /** Whether a node is down and was removed for good. */
  isLost(id: number): boolean;
  /** Whether it is known to live: by more than its lease, which outlives it. */
  isHeard(member: Life): boolean;
  /** Whether a further join of this node may begin. */
  mayJoin(id: number): boolean;
}

export interface RestoredState {
  /** The one that chains are written anew in. */
  readonly era: number;
  readonly untilMs: number;
}

/** Milliseconds. */
export interface ControllerTimes {
  /** After the first member came back to a chain that was all down: how long for a longer one. */
  readonly returnWaitMs: number;
  /** How long to wait for a sign of life of members that are left; after it leases are believed. */
  readonly unheardMs: number;
  /** How long a head that leaves may take to hand over. */
  readonly handOverMs: number;
  /**
   * How long a node is not named again after it was cut or cancelled while it lived; twice as long
   * each time that it does not go well soon after.
   */
  readonly restMs: number;
  /** After a restored coordinator: how long nodes have to say what they know. */
  readonly restoredRestMs: number;
  /**
   * A time by the monotonic clock: until then nodes that were stopped together with the
   * controller's may still come.
   */
  readonly othersComeUntilMs: number;
  /** Until then those of them that have come may still be starting. */
  readonly othersStartUntilMs: number;
}

/** What the controller remembers of a chain while something is the matter with it. */
export interface ChainNotes {
  /** The newest of each kind. */
  readonly asks: Map<ChainAsk["kind"], ChainAsk>;
  /** By node id. */
  readonly logEnds: Map<number, LogEnd>;
  /** By node id: since when a node is not named, and for how long. */
  readonly resting: Map<number, Rest>;
  /** Since when a member is back while all were down. */
  returnedMs?: number | undefined;
  /** Since when no member that is left is heard of. */
  unheardSinceMs?: number | undefined;
  /** When a log of a later epoch than the chain's was heard of first, in the epoch of that ask. */
  fencedMs?: number | undefined;
  /** Since when a head of this epoch leaves. */
  leaving?: { readonly epoch: number; readonly sinceMs: number } | undefined;
  /** Since when this controller has seen it below an era, that of a restored coordinator. */
  ofBackup?: { readonly era: number; readonly sinceMs: number } | undefined;
  /** The preferred head is to be the head. */
  wantsPreferred: boolean;
}

export interface Rest {
  /** Another life of the node does not rest. */
  readonly incarnation: string;
  readonly untilMs: number;
  readonly spanMs: number;
}

export function newNotes(): ChainNotes {
  return { asks: new Map(), logEnds: new Map(), resting: new Map(), wantsPreferred: false };
}

/**
 * What a rule says: a new configuration; that nothing is to be done before a time, or before
 * something changes; which nodes to ask for the ends of their logs. Undefined: not its matter.
 */
export type Verdict =
  | {
      readonly kind: "change";
      readonly config: ChainConfig;
      readonly reason: string;
      /** Ids of nodes whose entries are compared. */
      readonly compared?: readonly number[];
    }
  | {
      readonly kind: "wait";
      readonly untilMs?: number | undefined;
      /** Nodes whose log ends are asked for. */
      readonly question?: readonly number[];
      /** Nodes that are to give a sign of life. */
      readonly unheard?: readonly number[];
      /** A join waits for others of this node. */
      readonly slotOf?: number;
      /** Why nothing goes on without a hand. */
      readonly stuck?: string;
    };

export type ChainRule = (situation: ChainSituation) => Verdict | undefined;
