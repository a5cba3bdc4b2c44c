import type { XylemError } from "../../base/errors.ts";
import { formatUuid } from "../../base/uuid.ts";
import { placeOf } from "../cluster/partition-place.ts";
import type { Broker } from "../broker.ts";
import type { AdvanceListener, PartitionLog } from "../partition/partition-log.ts";
import type { Bounds, PartitionSight } from "../sight/partition-sight.ts";
import type { Topic } from "../topics/topics.ts";
import type { ForwardCalls } from "./forward-calls.ts";
import { NodeWatch } from "./node-watch.ts";

/** What this node's readers see of partitions: of those it does not hold, what their heads say. */
export class Sights {
  readonly #calls: ForwardCalls;
  readonly #sights = new Map<string, ClusterSight>();
  readonly #watches = new Map<number, NodeWatch>();
  #broker: Broker | undefined;

  constructor(calls: ForwardCalls) {
    this.#calls = calls;
  }

  /** From now on it can look. Once. */
  open(broker: Broker): void {
    this.#broker = broker;
  }

  /** Undefined before `open`. */
  of(topic: Topic, log: PartitionLog): PartitionSight | undefined {
    const broker = this.#broker;
    if (broker === undefined) return undefined;
    const key = `${formatUuid(topic.id)}/${log.index}`;
    const known = this.#sights.get(key);
    if (known !== undefined) return known;
    const sight: ClusterSight = new ClusterSight({ topic, log }, broker, {
      watch: (nodeId) => this.#watch(broker, nodeId, sight),
      // Who looks again later gets another one.
      onUnwatched: () => {
        if (this.#sights.get(key) === sight) this.#sights.delete(key);
      },
    });
    // One that nobody has listened to yet is nobody's.
    return sight.onFirst(() => this.#sights.set(key, sight));
  }

  #watch(broker: Broker, nodeId: number, sight: ClusterSight): () => void {
    const known = this.#watches.get(nodeId);
    const watch = known ?? new NodeWatch(this.#calls, broker.clock, nodeId);
    this.#watches.set(nodeId, watch);
    watch.add(sight);
    return () => {
      watch.remove(sight);
      if (watch.count === 0 && this.#watches.get(nodeId) === watch) this.#watches.delete(nodeId);
    };
  }
}

interface SightHost {
  /** The node's head tells of it from now on, until the answer is called. */
  watch(nodeId: number): () => void;
  onUnwatched(): void;
}

/** One partition, seen by its log here while that may be read, else through the node that leads. */
export class ClusterSight implements PartitionSight {
  readonly topic: Topic;
  readonly log: PartitionLog;
  readonly #broker: Broker;
  readonly #host: SightHost;
  readonly #listeners = new Set<AdvanceListener>();
  #onFirst: (() => void) | undefined;
  #told: Bounds | undefined;
  #watchedId = -1;
  #unwatch = nothing;
  #unlisten = nothing;

  constructor(
    place: { readonly topic: Topic; readonly log: PartitionLog },
    broker: Broker,
    host: SightHost,
  ) {
    this.topic = place.topic;
    this.log = place.log;
    this.#broker = broker;
    this.#host = host;
  }

  onFirst(listener: () => void): this {
    this.#onFirst = listener;
    return this;
  }

  get bounds(): Bounds | undefined {
    if (this.log.absence === undefined) return this.log;
    const { follower } = this.log;
    if (follower === undefined) return this.#told;
    return { logStart: follower.logStart, lastStable: follower.lastStable, end: Infinity };
  }

  /** Another replica may take its place. */
  get stopped(): XylemError | undefined {
    return undefined;
  }

  load(): Promise<void> | undefined {
    return this.log.absence === undefined ? this.log.load("facts") : undefined;
  }

  onAdvance(listener: AdvanceListener): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#begin();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#end();
    };
  }

  doubt(): void {
    if (this.#watchedId < 0) return;
    this.#told = undefined;
    this.#unwatch();
    this.#unwatch = this.#host.watch(this.#watchedId);
  }

  /** What the watched node says, who leads it. */
  tell(bounds: Bounds): void {
    this.#told = bounds;
    this.#fire();
  }

  /** What was told last; undefined: nothing. */
  get told(): Bounds | undefined {
    return this.#told;
  }

  #begin(): void {
    this.#onFirst?.();
    const advanced = (): void => {
      this.#settle();
      this.#fire();
    };
    this.#unlisten = this.log.onAdvance(Object.assign(advanced, { isPatient: true } as const));
    this.#settle();
  }

  #end(): void {
    this.#unlisten();
    this.#unlisten = nothing;
    this.#unwatch();
    this.#unwatch = nothing;
    this.#watchedId = -1;
    this.#told = undefined;
    this.#host.onUnwatched();
  }

  /** Looks where it is to be seen. A new head tells all it knows, once it knows the latest. */
  #settle(): void {
    const isHere = this.log.absence === undefined || this.log.follower !== undefined;
    const { leaderId } = isHere ? { leaderId: -1 } : this.#place();
    if (leaderId === this.#watchedId) return;
    this.#unwatch();
    this.#unwatch = nothing;
    this.#watchedId = leaderId;
    this.#told = undefined;
    if (leaderId >= 0) this.#unwatch = this.#host.watch(leaderId);
  }

  #place(): { readonly leaderId: number } {
    const { leaderId } = placeOf(this.#broker, this.topic.id, this.log);
    return { leaderId: leaderId === this.#broker.identity.nodeId ? -1 : leaderId };
  }

  #fire(): void {
    for (const listener of this.#listeners) listener();
  }
}

const nothing = (): void => {};
