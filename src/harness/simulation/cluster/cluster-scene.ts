import type { Random } from "../../../base/random.ts";
import { defaultNodeSettings, type NodeSettings } from "../../../base/settings/node-settings.ts";
import { VirtualClock } from "../../../base/virtual-clock.ts";
import type { CoordinatorFaults } from "../../../simulation/coordinator-network.ts";
import { drawOneIn } from "../../../simulation/draw.ts";
import { SimulatedNetwork } from "../../../simulation/simulated-network.ts";
import { SimulatedStore } from "../../../simulation/simulated-store.ts";
import { checkClusterHistory } from "../checkers/check-cluster-history.ts";
import { pumpUntil, type RunReport, settle } from "../scene.ts";
import { Trace } from "../trace.ts";
import { forkRandom, World } from "../world.ts";
import { ChainWatch } from "./chain-watch.ts";
import { CommitWatch } from "./commit-watch.ts";
import { drawClusterPlay, type ClusterPlay } from "./cluster-play.ts";
import { RoutingClient } from "./routing-client.ts";
import { SimulatedNode } from "./simulated-node.ts";

export interface ClusterSceneOptions {
  readonly seed: number;
  /** Lines of the trace that are kept: the last ones. */
  readonly eventsMax?: number;
  readonly play?: ClusterPlay;
}

const settings: NodeSettings = {
  ...defaultNodeSettings,
  "default.replication.factor": 3,
  "offsets.topic.num.partitions": 2,
  "offsets.topic.replication.factor": 3,
  "offsets.topic.segment.bytes": 2_000,
  "group.initial.rebalance.delay.ms": 100,
  "log.checkpoint.interval.ms": 2_000,
  "log.retention.check.interval.ms": 5_000,
  "log.cleaner.backoff.ms": 2_500,
  "connections.max.idle.ms": 30_000,
  "auto.create.topics.enable": false,
  "replica.lag.time.max.ms": 5_000,
};

/** What the way to the coordinator does on a quiet day. */
export const quietCoordinator: CoordinatorFaults = {
  delayMsMax: 4,
  watchDelayMsMax: 8,
  lostOneIn: 0,
  unknownOneIn: 0,
};

function drawSettings(seed: number, nodeCount: number): NodeSettings {
  const random = forkRandom(seed, "settings");
  const drawn = { ...settings, "cluster.expect": nodeCount };
  if (drawOneIn(random, 3)) drawn["log.tail.cache.max.bytes"] = 0;
  if (drawOneIn(random, 3)) drawn["log.partition.idle.ms"] = 2_000;
  if (drawOneIn(random, 3)) drawn["replica.append.max.bytes"] = 1_024;
  return drawn;
}

/** What one run is played with: nodes, what lies between them, and a world of clients. */
export class ClusterScene {
  readonly world: World;
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork;
  readonly store: SimulatedStore;
  readonly nodes: readonly SimulatedNode[];
  readonly chains: ChainWatch;
  readonly play: ClusterPlay;
  /** Of every way to the coordinator; a nemesis changes them. */
  readonly coordinatorFaults: { -readonly [Name in keyof CoordinatorFaults]: number };
  readonly #seed: number;
  readonly #errors: string[] = [];

  constructor({ seed, eventsMax = 80, play = drawClusterPlay(seed) }: ClusterSceneOptions) {
    const clock = new VirtualClock({ settle });
    const trace = new Trace(() => clock.monotonicMs(), eventsMax);
    const ids = Array.from({ length: play.founderCount + play.spareCount }, (_, at) => at + 1);
    this.#seed = seed;
    this.play = play;
    this.clock = clock;
    this.network = new SimulatedNetwork(clock, forkRandom(seed, "network"));
    this.store = new SimulatedStore(clock);
    this.coordinatorFaults = { ...quietCoordinator };
    const nodes = { ids, processOf: (id: number) => this.node(id).process };
    const connect = (name: string, random: Random): RoutingClient =>
      new RoutingClient(name, { clock, random, nodes });
    this.world = new World({ seed, clock, trace, connect });
    this.chains = new ChainWatch(this.world, this.store);
    const commits = new CommitWatch(this.world, this.store);
    const { network, store, coordinatorFaults: faults } = this;
    const shared = { seed, clock, trace, network, store, faults };
    const drawn = drawSettings(seed, play.founderCount);
    this.nodes = ids.map(
      (id) =>
        new SimulatedNode({
          ...shared,
          id,
          settings: drawn,
          onError: (text) => this.#errors.push(text),
          onProcess: (process) => commits.follow(process),
        }),
    );
    for (const { id, faults: own } of this.nodes) {
      own.onLost = () => this.world.record({ kind: "unsyncedLost", nodeId: id });
    }
  }

  node(id: number): SimulatedNode {
    const found = this.nodes[id - 1];
    if (found === undefined) throw new Error(`there is no node ${id}`);
    return found;
  }

  /** Moves time until `work` is done. */
  pump(work: () => Promise<void>): Promise<void> {
    return pumpUntil(this.world, work);
  }

  report(): RunReport {
    const { history, trace, requestCount, clock } = this.world;
    const { complaints, checked } = checkClusterHistory(history, this.#errors);
    const { hash: traceHash, lines } = trace;
    const virtualMs = clock.monotonicMs();
    const facts = { requestCount, virtualMs, traceHash, lines, history };
    return { seed: this.#seed, complaints, checked, ...facts };
  }
}
