import type { ChainMessage } from "./chain-message.ts";
import type { LinkId } from "./chain-input.ts";
import type { Member } from "./member.ts";
import type { LogStanding } from "./controller/chain-ask.ts";

/** What a replica wants done, in this order, before its next input. */
export type ChainEffect =
  /** What is appended from here on is stamped with it; none of a later epoch is taken. */
  | { readonly kind: "beginEpoch"; readonly epoch: number }
  | { readonly kind: "want"; readonly nodeId: number }
  | { readonly kind: "unwant"; readonly nodeId: number }
  /** An Append of records is sent with the bytes of the last `read` of its session. */
  | { readonly kind: "send"; readonly link: LinkId; readonly message: ChainMessage }
  /**
   * Read whole batches from `offset` on, one at least, for the successor; answer with `loaded` when
   * the connection has room for them, never within this step. With `next` at `offset` when they are
   * deleted meanwhile.
   */
  | {
      readonly kind: "read";
      readonly link: LinkId;
      readonly session: number;
      readonly offset: number;
      readonly sizeBytesMax: number;
    }
  /** Append the bytes that came with this step's message; then `appended`, or `refused`. */
  | { readonly kind: "appendReplicated"; readonly base: number; readonly next: number }
  /** What is at and above `offset` goes, committed or not; then `truncated`. */
  | { readonly kind: "truncate"; readonly offset: number }
  /** The whole log goes, and begins again at `offset`; then `truncated`. */
  | { readonly kind: "restart"; readonly offset: number }
  | { readonly kind: "commit"; readonly offset: number }
  /** Delete what is below `offset`, as the head did; then `logStart`. */
  | { readonly kind: "moveLogStart"; readonly offset: number }
  | { readonly kind: "flush"; readonly offset: number }
  /** For the controller. Repeated until there is a newer epoch, or no reason any more. */
  | { readonly kind: "ask"; readonly ask: ReplicaAsk }
  /** Whoever waits for more than is committed is told that it will not come from here. */
  | { readonly kind: "refuseWaiting"; readonly code: RefusalCode }
  /** Another replica knows of a newer epoch: the coordinator has more than this image. */
  | { readonly kind: "lookAgain" }
  /** The replica can not go on, and must not: its log and its chain contradict each other. */
  | { readonly kind: "halt"; readonly reason: string };

/** A node's log of a chain that is older than what the node knows of it, in the chain's epoch. */
export type NewerLog = Extract<ReplicaAsk, { readonly kind: "fenced" }>;

/** What a node asks of the controller, in this epoch. The shell adds the chain and this node. */
export type ReplicaAsk = { readonly epoch: number } & (
  | {
      /** By the tail: the joiner holds all that the tail ever acknowledged. */
      readonly kind: "append";
      readonly joiner: Member;
    }
  /** By the shell: the log ends there, and the chain has been in a later epoch than it is. */
  | ({ readonly kind: "fenced" } & LogStanding)
  /** By a head that leaves: its successor holds all that it took. */
  | { readonly kind: "handOver" }
  | {
      /**
       * By the one ahead: there is no session, or nothing has moved in it for too long. By the one
       * behind, much later: there is no connection.
       */
      readonly kind: "report";
      readonly stalled: Pick<Member, "id" | "incarnation">;
      readonly isReachable: boolean;
    }
);

export type RefusalCode =
  | "NOT_LEADER_OR_FOLLOWER"
  | "NOT_ENOUGH_REPLICAS"
  | "NOT_ENOUGH_REPLICAS_AFTER_APPEND";
