/** A node's part before and after a plan. */
export interface PlannedPart {
  readonly replicas: number;
  /** Partitions of which it is the preferred head. */
  readonly heads: number;
  readonly sizeBytes: number;
  /** Of all, 0 to 1. */
  readonly replicaShare: number;
  readonly sizeShare: number;
}

/** What would move, until it is committed. */
export interface DraftedPlan {
  readonly planId: string;
  readonly nodes: readonly {
    readonly nodeId: number;
    readonly now: PlannedPart;
    readonly after: PlannedPart;
  }[];
  readonly moveCount: number;
  /** The first 10,000 of them. */
  readonly moves: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly from: readonly number[];
    readonly to: readonly number[];
    /** What it copies. */
    readonly sizeBytes: number;
  }[];
  /** Nodes that wait for a part and get none: they do not answer. */
  readonly leftOut: readonly number[];
  readonly sizeBytes: number;
  /** Partitions that lose a replica: nodes are too few. */
  readonly shrunkCount: number;
  /** Partitions that begin anew, empty: who had them is gone. */
  readonly lostCount: number;
}

export type PlanState = "running" | "paused" | "cancelled";

/** How far a committed plan is. */
export interface CommittedPlan {
  readonly planId: string;
  readonly state: PlanState | "done";
  readonly movesAtOnce: number;
  readonly waiting: number;
  readonly running: number;
  readonly done: number;
  readonly skipped: number;
  readonly sizeBytes: number;
  readonly doneBytes: number;
  /** Nodes that are down and without which a move does not go on. */
  readonly awaitedNodes: readonly number[];
}

export interface NodeStatus {
  readonly nodeId: number;
  readonly rack: string | null;
  readonly status: "joining" | "valid" | "leaving" | "left" | "down" | "draining";
  readonly seat: "joining" | "valid" | "leaving" | "left";
  readonly weight: number;
  readonly replacement: number | null;
  readonly isGone: boolean;
  /** Whether it answers the controller. */
  readonly isReached: boolean;
  /** Whether its disk takes no appends: others lead what it led, where they have room. */
  readonly isFull: boolean;
  /** Its part of all replicas, 0 to 1; `pendingShare` once the plan has run. */
  readonly share: number;
  readonly pendingShare: number;
  readonly replicas: number;
  readonly pendingReplicas: number;
  readonly heads: number;
  /** Of these, what it leads even while it is drained: nobody else who is up can lead them. */
  readonly keptHeads: number;
  readonly members: number;
  /** Null: it did not answer. */
  readonly sizeBytes: number | null;
  readonly lagRecords: number | null;
  readonly version: string | null;
  readonly addresses: Readonly<Record<string, string>>;
}

export interface ClusterStatus {
  readonly controllerId: number;
  readonly nodes: readonly NodeStatus[];
  /** The last that was committed. */
  readonly plan: CommittedPlan | null;
  /** Partitions that need a hand. */
  readonly stuck: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly why: string;
  }[];
  /** Entries of the coordinator that can not be read: what they are about is left alone. */
  readonly unreadable: readonly { readonly key: string; readonly why: string }[];
}
