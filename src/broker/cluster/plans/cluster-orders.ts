import type { PlanState } from "../../../replication/placement/cluster-plan.ts";
import type { PlanProgress } from "../../../replication/placement/plan-run.ts";
import type { Move } from "../../../replication/placement/plan-replicas.ts";
import type { NodeShare } from "../../../replication/placement/shares.ts";
import type { UnreadableEntry } from "../unreadable-entries.ts";

/** What people ask of the controller, by any node. */
export type ClusterOrder =
  | { readonly kind: "status" }
  | ({ readonly kind: "draft" } & DraftAsk)
  | ({ readonly kind: "commit" } & CommitAsk)
  | { readonly kind: "steer"; readonly state: SteeredState }
  | ({ readonly kind: "seat"; readonly nodeId: number } & SeatAsk);

export type SteeredState = Exclude<PlanState, "done">;

export interface DraftAsk {
  /** Partitions with fewer replicas get as many; 0: none do. */
  readonly replicasMin: number;
}

export interface CommitAsk {
  /** Of a draft: what was shown is what is done, or nothing. */
  readonly planId: string;
  readonly movesAtOnce: number;
  /** Partitions of which no node that comes back has a copy may begin anew, empty. */
  readonly acceptsLoss: boolean;
}

/** What a node's part of everything is to be; nothing moves before a plan is committed. */
export interface SeatAsk {
  readonly seat?: "joining" | "leaving" | undefined;
  /** While it leaves: the node that takes all it has. */
  readonly replacement?: number | undefined;
  /** While it leaves: its disk is lost for good. */
  readonly isGone?: boolean | undefined;
  readonly weight?: number | undefined;
}

/** What a node has, and would have. */
export interface ShownShare extends Omit<NodeShare, "id"> {
  readonly nodeId: number;
}

/** A plan that waits to be committed. */
export interface ShownPlan {
  readonly planId: string;
  readonly nodes: readonly ShownShare[];
  readonly moveCount: number;
  /** The first of them. */
  readonly moves: readonly Move[];
  /** Nodes that wait for a part and get none: the controller does not reach them. */
  readonly leftOut: readonly number[];
  /** What is copied, in all. */
  readonly sizeBytes: number;
  readonly shrunkCount: number;
  readonly lostCount: number;
}

/** The plan that was committed last. */
export interface PlanStatus extends PlanProgress {
  readonly planId: string;
  readonly state: PlanState;
  readonly movesAtOnce: number;
}

/** A node and its part of everything. */
export interface NodeStatus {
  readonly nodeId: number;
  readonly rack: string | null;
  /**
   * `joining`: it waits for a plan. `valid`: it has its part. `leaving`: it gives it away by the
   * next plan. `left`: it has none, and waits for nothing. `down` and `draining` before all these.
   */
  readonly status: "joining" | "valid" | "leaving" | "left" | "down" | "draining";
  /** What it is while it is neither down nor draining. */
  readonly seat: "joining" | "valid" | "leaving" | "left";
  readonly weight: number;
  readonly replacement: number | null;
  readonly isGone: boolean;
  /** Whether it answers the controller: one that is up may have another secret. */
  readonly isReached: boolean;
  /** Whether its disk takes no appends: others lead what it led, where they have room. */
  readonly isFull: boolean;
  /** Its part of all replicas, 0 to 1, by assignment: now, and when the plan has run. */
  readonly share: number;
  readonly pendingShare: number;
  readonly replicas: number;
  readonly pendingReplicas: number;
  /** Partitions that it leads. */
  readonly heads: number;
  /** Of these, what it leads even while it is drained: nobody else who is up can lead them. */
  readonly keptHeads: number;
  /** Chains that it is a member of. */
  readonly members: number;
  /** On its disk; null: it was not told. */
  readonly sizeBytes: number | null;
  /** Records that its replicas lack of what their heads have; null: it was not told. */
  readonly lagRecords: number | null;
  readonly version: string | null;
  readonly addresses: Readonly<Record<string, string>>;
}

export interface ClusterStatus {
  readonly controllerId: number;
  readonly nodes: readonly NodeStatus[];
  /** Null: none was ever committed. */
  readonly plan: PlanStatus | null;
  /** Chains that need a hand, and why. */
  readonly stuck: readonly { readonly key: string; readonly why: string }[];
  /** Entries of the coordinator that can not be read: what they are about is left alone. */
  readonly unreadable: readonly UnreadableEntry[];
}

/** What is answered to each kind. */
export interface OrderAnswers {
  readonly status: ClusterStatus;
  readonly draft: ShownPlan;
  readonly commit: PlanStatus;
  readonly steer: PlanStatus;
  readonly seat: null;
}
