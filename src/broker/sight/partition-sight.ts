import type { XylemError } from "../../base/errors.ts";
import type { Broker } from "../broker.ts";
import type { AdvanceListener, PartitionLog } from "../partition/partition-log.ts";
import type { Topic } from "../topics/topics.ts";

/** Between which offsets readers of a partition find something. */
export interface Bounds {
  readonly logStart: number;
  /** No reader of committed transactions sees this offset or a later one. */
  readonly lastStable: number;
  /** Whoever is past it is not in this log; Infinity where that is not known. */
  readonly end: number;
}

/** What a reader on this node sees of a partition, wherever it is led. */
export interface PartitionSight {
  /** Undefined: not known yet, or at the moment; `onAdvance` tells when it is. */
  readonly bounds: Bounds | undefined;
  /** Set once nothing more comes of it here or elsewhere. */
  readonly stopped: XylemError | undefined;
  /** As of PartitionLog, for the fields above. */
  load(): Promise<void> | undefined;
  /** Calls `listener` whenever the bounds grow or come from elsewhere. */
  onAdvance(listener: AdvanceListener): () => void;
  /** There was nothing where the bounds say that there is: they are asked for again. */
  doubt(): void;
}

/** In a cluster a sight is shared by all who look. */
export function sightOf({ forwarding }: Broker, topic: Topic, log: PartitionLog): PartitionSight {
  return forwarding?.sights.of(topic, log) ?? new OwnSight(log);
}

/** Of a node by itself. */
class OwnSight implements PartitionSight {
  readonly #log: PartitionLog;

  constructor(log: PartitionLog) {
    this.#log = log;
  }

  get bounds(): Bounds {
    return this.#log;
  }

  get stopped(): XylemError | undefined {
    return this.#log.stopped;
  }

  load(): Promise<void> | undefined {
    return this.#log.load("facts");
  }

  onAdvance(listener: AdvanceListener): () => void {
    return this.#log.onAdvance(listener);
  }

  doubt(): void {}
}
