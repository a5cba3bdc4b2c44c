import type { Clock } from "../../../base/clock.ts";
import type { Log } from "../../../base/log.ts";
import { ChainController } from "../../../replication/controller/chain-controller.ts";
import type { ControllerImage } from "../../../replication/controller/controller-image.ts";
import type { ClusterPlan } from "../../../replication/placement/cluster-plan.ts";
import type { BrokerConfigs } from "../../configs/broker-configs.ts";
import type { Compare, Coordinator, CoordinatorEntry } from "../../ports/coordinator.ts";
import type { Cluster } from "../cluster.ts";
import type { PlanEntries } from "../plans/plan-entries.ts";
import { Plans } from "../plans/plans.ts";
import { ChainWriter } from "./chain-writer.ts";
import { ControllerView } from "./controller-view.ts";
import type { ProcessListener, ProcessWatch } from "./process-watch.ts";

export interface TermParts {
  readonly cluster: Cluster;
  readonly coordinator: Coordinator;
  readonly configs: BrokerConfigs;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent where nodes are not linked: their leases alone tell who is there. */
  readonly watch?: ProcessWatch | undefined;
}

/** What was read as the term began. */
export interface TermStart {
  /** The key as it was claimed: all that is written compares it. */
  readonly office: Compare;
  readonly topics: readonly CoordinatorEntry[];
  readonly planned: [PlanEntries, ClusterPlan | undefined];
  /** By the monotonic clock: since when this node might have been in office. */
  readonly standingSinceMs: number;
  /** Ends the news about topics. */
  readonly stopNews: () => void;
}

/** How chains are looked after. */
const rules = {
  returnWaitMs: 1_000,
  handOverMs: 10_000,
  restMs: 10_000,
  restoredRestMs: 10_000,
  suspectMs: 5_000,
  joinsPerNodeMax: 256,
  looksMax: 1_024,
};
/** Within what time nodes that are started at once have their leases. */
const comeTogetherMs = 10_000;
/** Within what time their logs are recovered. */
const startTogetherMs = 60_000;
/** What a coordinator may take longer to end a lease. */
const leaseMarginMs = 1_000;
/** Chains that change to their preferred heads at once. */
const headsAtOnceMax = 100;

/** What a node has while it is in office: what it looks at, who decides on it and who writes. */
export class ControllerTerm {
  readonly office: Compare;
  readonly view: ControllerView;
  readonly controller: ChainController;
  readonly plans: Plans;
  readonly writer: ChainWriter;
  readonly #parts: TermParts;
  readonly #stopNews: () => void;
  #isOver = false;

  constructor(parts: TermParts, start: TermStart) {
    const { office, topics, planned, stopNews, standingSinceMs } = start;
    const { cluster, configs } = parts;
    this.#parts = parts;
    this.#stopNews = stopNews;
    this.office = office;
    this.view = new ControllerView(cluster, configs, topics);
    const { image } = this.view;
    this.controller = makeController(parts, image, standingSinceMs);
    const isBehindLogs = (key: string): boolean => this.controller.isBehindLogs(key);
    this.plans = new Plans({ ...parts, image, office, isBehindLogs }, planned);
    this.writer = new ChainWriter({
      ...parts,
      office,
      isInOffice: () => !this.#isOver,
      onRefused: (key) => this.#decideAnew(key),
    });
  }

  /** When those that a restored coordinator tells of have had time to be heard. */
  get restedMs(): number {
    return this.#parts.cluster.restoredMs + rules.restoredRestMs;
  }

  /** What the node's own links say. */
  get processes(): ProcessListener {
    const { controller } = this;
    const { cluster, clock } = this.#parts;
    const from = { id: cluster.nodeId, incarnation: cluster.incarnation };
    return {
      refused: (suspect) => controller.refused({ suspect, from }, clock.monotonicMs()),
      linked: (life) => controller.linked(life),
      unlinked: (life) => controller.unlinked(life),
    };
  }

  /** It hears no more, and writes nothing that is not under way. */
  end(): void {
    this.#stopNews();
    this.#isOver = true;
  }

  #decideAnew(key: string): void {
    this.controller.retry(key);
    this.plans.retry(key);
  }
}

/** Whose lease holds so long after it was heard of last has not died then. */
export function leaseEndsMs({ coordinator, configs }: TermParts): number {
  const leaseMs = configs.settings["cluster.lease.ms"];
  return (coordinator.leaseLastsMs?.(leaseMs) ?? leaseMs) + leaseMarginMs;
}

function makeController(
  parts: TermParts,
  image: ControllerImage,
  standingSinceMs: number,
): ChainController {
  const { cluster, watch } = parts;
  const { settings } = parts.configs;
  return new ChainController(image, {
    ...rules,
    selfId: cluster.nodeId,
    isHeard: (life) => watch?.isHeard(life) ?? true,
    othersComeUntilMs: standingSinceMs + comeTogetherMs,
    othersStartUntilMs: standingSinceMs + startTogetherMs,
    unheardMs: leaseEndsMs(parts),
    headsAtOnceMax: settings["auto.leader.rebalance.enable"] ? headsAtOnceMax : 0,
    preferredAfterMs: settings["leader.imbalance.check.interval.seconds"] * 1_000,
  });
}
