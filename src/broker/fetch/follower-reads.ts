import type { Broker } from "../broker.ts";

const ofBrokers = new WeakMap<Broker, FollowerReads>();

/** What clients have read here of partitions that other nodes lead, since the start. */
export class FollowerReads {
  #bytes = 0;

  static of(broker: Broker): FollowerReads {
    const known = ofBrokers.get(broker) ?? new FollowerReads();
    ofBrokers.set(broker, known);
    return known;
  }

  get bytes(): number {
    return this.#bytes;
  }

  count(bytes: number): void {
    this.#bytes += bytes;
  }
}
