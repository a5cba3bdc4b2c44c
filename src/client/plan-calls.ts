import { type NodeCalls, part } from "./node-calls.ts";
import type { ClusterStatus, CommittedPlan, DraftedPlan, PlanState } from "./plan-answers.ts";

export interface CommitPlan {
  /** Moves that copy at the same time; 16 unless given. */
  readonly movesAtOnce?: number;
  /** Partitions that nobody has any more may begin anew, empty. */
  readonly acceptsLoss?: boolean;
}

export interface NodeChange {
  /** It waits for a part, or stays; or gives away what it has. By the next plan. */
  readonly seat?: "joining" | "leaving";
  /** While it leaves: who takes all it has. */
  readonly replacement?: number;
  /** While it leaves: it is lost with its disk. */
  readonly isGone?: boolean;
  readonly weight?: number;
  /** Whether it gives away what it leads, and stays up. At once. */
  readonly isDraining?: boolean;
}

const path = "/v1/cluster/plan";

/** Who takes part in a cluster, and what moves: shown by a plan, and done once it is committed. */
export class PlanCalls {
  readonly #calls: NodeCalls;

  constructor(calls: NodeCalls) {
    this.#calls = calls;
  }

  status(signal?: AbortSignal): Promise<ClusterStatus> {
    return this.#calls.json("GET", "/v1/cluster/status", { isRepeatable: true, signal });
  }

  /** What would move; `replicasMin`: partitions with fewer replicas get as many. */
  draft(options: { replicasMin?: number; signal?: AbortSignal } = {}): Promise<DraftedPlan> {
    const { replicasMin, signal } = options;
    const query = { "replicas-min": replicasMin };
    return this.#calls.json("GET", path, { query, isRepeatable: true, signal });
  }

  /** Begins what `draft` has shown; the same again answers how far it is. */
  commit(planId: string, options: CommitPlan = {}, signal?: AbortSignal): Promise<CommittedPlan> {
    const json = { planId, ...options };
    return this.#calls.json("POST", path, { json, isRepeatable: true, signal });
  }

  /** Pauses the plan that runs, lets it go on, or cancels it. */
  steer(state: PlanState, signal?: AbortSignal): Promise<CommittedPlan> {
    return this.#calls.json("PATCH", path, { json: { state }, isRepeatable: true, signal });
  }

  /** Has a node join or leave by the next plan, or drains it at once. */
  changeNode(nodeId: number, change: NodeChange, signal?: AbortSignal): Promise<ClusterStatus> {
    const node = `/v1/cluster/nodes/${part(nodeId)}`;
    return this.#calls.json("PATCH", node, { json: change, isRepeatable: true, signal });
  }
}
