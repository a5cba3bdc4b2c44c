/** A partition as placement sees it. */
export interface PlacedPartition {
  /** `<topicId>/<partition>`: the chain's key below `chains/`. */
  readonly key: string;
  /** Node ids, the preferred head first. */
  readonly replicas: readonly number[];
  /** Bytes of one replica. */
  readonly sizeBytes: number;
  /** `replicas=all`: it follows the seats, no plan moves it. */
  readonly isEverywhere?: boolean;
}

/** What one node holds. */
export interface NodeLoad {
  readonly replicas: number;
  readonly heads: number;
  readonly sizeBytes: number;
}

const nothing: NodeLoad = { replicas: 0, heads: 0, sizeBytes: 0 };

/** What every node holds, by the assignment: who is down keeps its load. */
export class NodeLoads {
  readonly #loads = new Map<number, { replicas: number; heads: number; sizeBytes: number }>();
  #replicas = 0;
  #sizeBytes = 0;

  static of(partitions: Iterable<PlacedPartition>): NodeLoads {
    const loads = new NodeLoads();
    for (const partition of partitions) loads.add(partition);
    return loads;
  }

  add(partition: PlacedPartition): void {
    this.#change(partition, 1);
  }

  remove(partition: PlacedPartition): void {
    this.#change(partition, -1);
  }

  of(id: number): NodeLoad {
    return this.#loads.get(id) ?? nothing;
  }

  /** A node's part of all replicas, 0 to 1. */
  replicaShare(id: number): number {
    return this.#replicas === 0 ? 0 : this.of(id).replicas / this.#replicas;
  }

  /** A node's part of all bytes, 0 to 1; by replicas where there are no bytes yet. */
  sizeShare(id: number): number {
    return this.#sizeBytes === 0 ? this.replicaShare(id) : this.of(id).sizeBytes / this.#sizeBytes;
  }

  /** Replicas and bytes count half each: an empty partition is not free, and it may grow. */
  share(id: number): number {
    return (this.replicaShare(id) + this.sizeShare(id)) / 2;
  }

  #change({ replicas, sizeBytes }: PlacedPartition, sign: 1 | -1): void {
    replicas.forEach((id, place) => {
      const load = this.#loads.get(id) ?? { ...nothing };
      this.#loads.set(id, load);
      load.replicas += sign;
      load.sizeBytes += sign * sizeBytes;
      if (place === 0) load.heads += sign;
    });
    this.#replicas += sign * replicas.length;
    this.#sizeBytes += sign * sizeBytes * replicas.length;
  }
}
