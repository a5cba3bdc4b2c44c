import type { Member } from "../member.ts";

/** A node in one life. */
export type Life = Pick<Member, "id" | "incarnation">;

/** What members ask of the controller; outside its epoch it counts for nothing. */
export type ChainAsk = {
  readonly key: string;
  readonly epoch: number;
  readonly from: Life;
} & (
  | {
      /** By the tail: the joiner holds all that the tail ever acknowledged. */
      readonly kind: "append";
      readonly joiner: Life;
    }
  /** By a head that leaves: its successor holds all that it took. */
  | { readonly kind: "handOver" }
  | ({
      /**
       * By a node that has a log of a later epoch than the chain's, or has seen one: the
       * coordinator's state is older than what nodes have done since.
       */
      readonly kind: "fenced";
    } & LogStanding)
  /** By the one ahead or behind: it can not reach this one, or waits for its Ack too long. */
  | { readonly kind: "report"; readonly stalled: Life }
);

/** The newest epoch of a chain that a node has taken part in, or in which it was told to leave. */
export interface KnownEpoch {
  readonly epoch: number;
  /** Without the node itself where its disk is not the one that was a member. */
  readonly memberIds: readonly number[];
  /** As of ChainConfig; nodes of the version before do not say. */
  readonly unclean?: number;
}

/** Where the log of a node ends: the longest is the one with the greatest epoch, then end. */
export interface LogEnd extends LogStanding {
  readonly key: string;
  readonly from: Life;
}

/** What a node says of a log of its own. */
export interface LogStanding {
  /** -1: it has no records. */
  readonly lastEpoch: number;
  readonly endOffset: number;
  /** What is deleted was committed; absent: nothing is. */
  readonly logStart?: number;
  /** Some of it is damaged, or was lost. */
  readonly isUnsound?: boolean;
  /** It is there and can not be opened: where it ends is not known. */
  readonly isUnopened?: boolean;
  readonly known?: KnownEpoch | undefined;
}
