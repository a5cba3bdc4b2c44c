import type { Clock } from "../../../base/clock.ts";
import { XylemError } from "../../../base/errors.ts";
import { formatUuid } from "../../../base/uuid.ts";
import { topicIdOf } from "../../../replication/chain-config.ts";
import type { PeerLinks } from "../../ports/peer-links.ts";
import { reachNode } from "../../ports/reach-node.ts";
import type { Topics } from "../../topics/topics.ts";
import type { Cluster } from "../cluster.ts";
import { readJson, writeJson } from "../json-body.ts";
import { nodeKey } from "../membership/node-entry.ts";
import type {
  ClusterOrder,
  ClusterStatus,
  CommitAsk,
  DraftAsk,
  OrderAnswers,
  PlanStatus,
  SeatAsk,
  ShownPlan,
  SteeredState,
} from "./cluster-orders.ts";
import { nodeStatuses } from "./cluster-status.ts";
import type { Plans } from "./plans.ts";
import type { ReplicaFacts } from "./replica-facts.ts";

const names = { hello: "cluster-hello", order: "cluster-order", drain: "drain" } as const;
/** A plan of a large cluster takes long to draft and to write. */
const answerTimeoutMs = 60_000;
/** How long there may be no controller before whoever asks is told. */
const patienceMs = 15_000;
const retryMs = 200;

export interface AdministrationParts {
  readonly cluster: Cluster;
  readonly topics: Pick<Topics, "list">;
  readonly links: PeerLinks;
  readonly clock: Clock;
  readonly facts: ReplicaFacts;
  /** Of this node while it is the controller. */
  readonly office: () => Office | undefined;
}

/** What the controller knows beside the image. */
export interface Office {
  readonly plans: Plans;
  /** Chains that need a hand, and why. */
  readonly stuck: ReadonlyMap<string, string>;
}

/**
 * What people ask of a cluster, on any node: the controller does it, or the node it is about.
 * Throws NOT_CONTROLLER when there is none for a while, and what calls between nodes throw.
 */
export class ClusterAdministration {
  readonly #parts: AdministrationParts;

  /** From here on other nodes may ask this one. */
  constructor(parts: AdministrationParts) {
    this.#parts = parts;
    const { links, cluster } = parts;
    links.serve(names.hello, () => Promise.resolve(writeJson(null)));
    links.serve(names.order, async (_from, body) => {
      return writeJson(await this.#carryOut(readJson<ClusterOrder>(body)));
    });
    links.serve(names.drain, async (_from, body) => {
      await cluster.membership.announce({ isDraining: readJson<boolean>(body) });
      await cluster.feed.catchUp(nodeKey(cluster.nodeId));
      return writeJson(null);
    });
  }

  async status(): Promise<ClusterStatus> {
    return await this.#order({ kind: "status" });
  }

  /** Throws REASSIGNMENT_IN_PROGRESS, and INVALID_REQUEST when no node would be left. */
  async draft(ask: DraftAsk): Promise<ShownPlan> {
    return await this.#order({ kind: "draft", ...ask });
  }

  /** Throws PLAN_CHANGED, REASSIGNMENT_IN_PROGRESS, INVALID_REQUEST. */
  async commit(ask: CommitAsk): Promise<PlanStatus> {
    return await this.#order({ kind: "commit", ...ask });
  }

  /** Throws NO_REASSIGNMENT_IN_PROGRESS, INVALID_REQUEST. */
  async steer(state: SteeredState): Promise<PlanStatus> {
    return await this.#order({ kind: "steer", state });
  }

  /** Throws INVALID_REQUEST. */
  async changeSeat(nodeId: number, ask: SeatAsk): Promise<void> {
    await this.#order({ kind: "seat", nodeId, ...ask });
  }

  /**
   * A node gives away what it leads and is in, as far as others are enough for it, and stays up; or
   * takes it back. Throws BROKER_NOT_AVAILABLE.
   */
  async drain(nodeId: number, isDraining: boolean): Promise<void> {
    const { cluster } = this.#parts;
    if (cluster.image.node(nodeId) === undefined) {
      throw new XylemError("BROKER_NOT_AVAILABLE", `Node ${nodeId} is not up`);
    }
    await this.#call(nodeId, names.drain, writeJson(isDraining));
    await cluster.feed.catchUp(nodeKey(nodeId));
  }

  /** Who is not in office, or surely was not asked, is passed over until another one is. */
  async #order<Kind extends ClusterOrder["kind"]>(
    order: ClusterOrder & { readonly kind: Kind },
  ): Promise<OrderAnswers[Kind]> {
    const { cluster, clock } = this.#parts;
    const untilMs = clock.monotonicMs() + patienceMs;
    for (;;) {
      const { controller } = cluster.image;
      try {
        if (controller === undefined) throw notInOffice();
        const answer = await this.#call(controller.id, names.order, writeJson(order));
        return readJson<OrderAnswers[Kind]>(answer);
      } catch (error) {
        const isOver = clock.monotonicMs() >= untilMs;
        if (isOver || !mayAskAgain(order.kind, error)) throw error;
      }
      await new Promise<void>((resolve) => clock.schedule(retryMs, resolve));
    }
  }

  async #call(nodeId: number, name: string, body: Uint8Array): Promise<Uint8Array> {
    const { links } = this.#parts;
    await reachNode(links, nodeId, names.hello);
    return await links.call(nodeId, name, body, answerTimeoutMs);
  }

  async #carryOut(order: ClusterOrder): Promise<OrderAnswers[ClusterOrder["kind"]]> {
    const { office, facts, cluster, topics } = this.#parts;
    const known = office();
    if (known === undefined) throw notInOffice();
    const { plans, stuck } = known;
    switch (order.kind) {
      case "status": {
        return {
          controllerId: cluster.nodeId,
          nodes: nodeStatuses({
            image: cluster.image,
            facts: await facts.askAll(),
            targetOf: (key) => plans.targetOf(key),
            replicasMinOf: replicasMinsOf(topics),
          }),
          plan: plans.status,
          stuck: [...stuck].map(([key, why]) => ({ key, why })),
          unreadable: cluster.unreadable.list,
        };
      }
      case "draft":
        return plans.draft(order, await facts.askAll());
      case "commit":
        return await plans.commit(order);
      case "steer":
        return await plans.steer(order.state);
      case "seat":
        await plans.changeSeat(order.nodeId, order);
        return null;
    }
  }
}

/** By a chain's key; what no topic is known of may be somebody's hand, and has the default. */
function replicasMinsOf(topics: AdministrationParts["topics"]): (key: string) => number {
  const mins = new Map(
    topics.list().map(({ id, settings }) => [formatUuid(id), settings["min.insync.replicas"]]),
  );
  return (key) => Math.max(1, mins.get(topicIdOf(key)) ?? 1);
}

function notInOffice(): XylemError {
  return new XylemError("NOT_CONTROLLER", "No node is the controller at the moment");
}

/** Nobody did it; or it may be done, and can be asked twice. */
function mayAskAgain(kind: ClusterOrder["kind"], error: unknown): boolean {
  if (!(error instanceof XylemError)) return false;
  const { code } = error;
  if (code === "NOT_CONTROLLER" || code === "BROKER_NOT_AVAILABLE") return true;
  return code === "NETWORK_EXCEPTION" && kind !== "steer" && kind !== "seat";
}
