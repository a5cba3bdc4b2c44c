/** A partition as placement sees it. */
export interface PlacedPartition {
  /** The chain's, as `chainKey` makes it. */
  readonly key: string;
  /** Node ids, the preferred head first. */
  readonly replicas: readonly number[];
  /** Bytes of one replica. */
  readonly sizeBytes: number;
  /** `replicas=all`: it follows the seats, no plan moves it. */
  readonly isEverywhere?: boolean;
  /** It is being reassigned, to `replicas`: no plan moves it before that is done. */
  readonly isMoving?: boolean;
}

/** What one node holds. */
export interface NodeLoad {
  readonly replicas: number;
  readonly heads: number;
  readonly sizeBytes: number;
}

/** What a replica costs besides its bytes: little data is spread by number, much data by bytes. */
const replicaCostBytes = 16 * 1024 * 1024;

/** What one replica of a partition weighs. */
export function weightOf({ sizeBytes }: PlacedPartition): number {
  return sizeBytes + replicaCostBytes;
}

/** What every node holds, by the assignment: who is down keeps its load. */
export class NodeLoads {
  readonly #loads = new Map<number, CountedLoad>();
  readonly #total = emptyLoad();

  static of(partitions: Iterable<PlacedPartition>): NodeLoads {
    const loads = new NodeLoads();
    for (const partition of partitions) loads.add(partition);
    return loads;
  }

  add(partition: PlacedPartition): void {
    this.#count(partition, 1);
  }

  /** One that was added, as it was then. */
  remove(partition: PlacedPartition): void {
    this.#count(partition, -1);
  }

  of(id: number): NodeLoad {
    return this.#loadOf(id);
  }

  /** A node's part of all replicas, 0 to 1. */
  replicaShare(id: number): number {
    return partOf(this.#loadOf(id).replicas, this.#total.replicas);
  }

  /** A node's part of all bytes, 0 to 1; by replicas where there are no bytes yet. */
  sizeShare(id: number): number {
    if (this.#total.sizeBytes === 0) return this.replicaShare(id);
    return partOf(this.#loadOf(id).sizeBytes, this.#total.sizeBytes);
  }

  /** Its part of everything, 0 to 1: half by number, half by weight. */
  share(id: number): number {
    return (this.replicaShare(id) + partOf(this.#loadOf(id).weight, this.#total.weight)) / 2;
  }

  #count(partition: PlacedPartition, sign: 1 | -1): void {
    const { replicas, sizeBytes } = partition;
    replicas.forEach((id, place) => {
      const load = this.#loads.get(id) ?? emptyLoad();
      this.#loads.set(id, load);
      for (const counted of [load, this.#total]) {
        counted.replicas += sign;
        counted.sizeBytes += sign * sizeBytes;
        counted.weight += sign * weightOf(partition);
        if (place === 0) counted.heads += sign;
      }
    });
  }

  #loadOf(id: number): CountedLoad {
    return this.#loads.get(id) ?? emptyLoad();
  }
}

interface CountedLoad {
  replicas: number;
  heads: number;
  sizeBytes: number;
  weight: number;
}

function emptyLoad(): CountedLoad {
  return { replicas: 0, heads: 0, sizeBytes: 0, weight: 0 };
}

function partOf(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
