import type {
  ClusterStatus,
  NodeStatus,
  PlanStatus,
  ShownPlan,
} from "../../broker/cluster/plans/cluster-orders.ts";
import { callHttp } from "../doors/call-http.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import type { BrokerOptions } from "../kafka-clients.ts";

/** A partition by the name of its topic. */
interface NamedPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A node of an earlier build does not tell what it keeps. */
type ToldNode = Omit<NodeStatus, "keptHeads"> & Partial<Pick<NodeStatus, "keptHeads">>;

/** As the HTTP door tells them. */
export type ToldStatus = Omit<ClusterStatus, "nodes" | "stuck"> & {
  readonly nodes: readonly ToldNode[];
  readonly stuck: readonly (NamedPartition & { readonly why: string })[];
};
export type ToldPlan = Omit<ShownPlan, "moves"> & {
  readonly moves: readonly (NamedPartition & Omit<ShownPlan["moves"][number], "key">)[];
};

export type NodeChange = Readonly<{
  seat?: "joining" | "leaving";
  replacement?: number;
  isGone?: boolean;
  weight?: number;
  isDraining?: boolean;
}>;

/** Calls of the HTTP door about the cluster: of the nodes that are named the first that answers. */
export class ClusterCalls {
  readonly #options: BrokerOptions;

  constructor(options: BrokerOptions) {
    this.#options = options;
  }

  status(): Promise<ToldStatus> {
    return this.#call("GET", "/status");
  }

  plan(replicasMin: number): Promise<ToldPlan> {
    return this.#call("GET", `/plan?replicas-min=${replicasMin}`);
  }

  commit(body: { planId: string; movesAtOnce?: number; acceptsLoss: boolean }) {
    return this.#call<PlanStatus>("POST", "/plan", body);
  }

  steer(state: "running" | "paused" | "cancelled"): Promise<PlanStatus> {
    return this.#call("PATCH", "/plan", { state });
  }

  change(node: number, body: NodeChange): Promise<ToldStatus> {
    return this.#call("PATCH", `/nodes/${node}`, body);
  }

  /** The id of the node that answers. */
  async nodeId(): Promise<number> {
    const { nodeId } = await this.#call<{ nodeId: number }>("GET", "");
    return nodeId;
  }

  /** One that is not up is passed over: nothing was asked of it. */
  async #call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const headers = { "content-type": "application/json" };
    const init = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) };
    let failure: unknown;
    for (const bootstrap of this.#options.bootstrap.split(",")) {
      try {
        const response = await callHttp({ bootstrap }, `/v1/cluster${path}`, init);
        return (await response.json()) as Answer;
      } catch (error) {
        const isAway = error instanceof CommandFailure && error.exitCode === exitCodes.unreachable;
        if (!isAway) throw error;
        failure = error;
      }
    }
    throw failure;
  }
}

/** Throws CommandFailure for a node that the cluster does not know. */
export function findNode({ nodes }: ToldStatus, id: number): ToldNode {
  const node = nodes.find(({ nodeId }) => nodeId === id);
  if (node === undefined) throw new CommandFailure(`node ${id} is not in the cluster`);
  return node;
}
