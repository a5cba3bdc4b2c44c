import type { Uuid } from "../../base/uuid.ts";
import type { Topics } from "../topics/topics.ts";
import { FetchPartition, type FetchWish } from "./fetch-partition.ts";

/** How a request names a topic: by id where it knows ids, else by name. */
export interface TopicReference {
  readonly name: string;
  /** Undefined: the name counts. */
  readonly id: Uuid | undefined;
}

/** A partition as its reader named it, with what the reader was told of it last. */
export class FetchTarget extends FetchPartition {
  readonly reference: TopicReference;
  #sentHighWatermark = -1;
  #sentLogStart = -1;

  /** Takes a copy of the id: it may be a view of a request. */
  constructor(topics: Topics, reference: TopicReference, index: number, wish: FetchWish) {
    const topic = findReferenced(topics, reference);
    super(topic, index, wish);
    const { name, id } = reference;
    this.reference = { name, id: id && (topic?.id ?? id.slice()) };
  }

  /** Looks the topic up again: it may have been created, or deleted and created again. */
  findTopic(topics: Topics): void {
    this.topic = findReferenced(topics, this.reference);
  }

  /** The last pass found something that the reader does not know (KIP-227). */
  get hasNews(): boolean {
    return (
      this.sizeBytes > 0 ||
      this.error !== undefined ||
      this.divergingEpoch !== undefined ||
      this.preferredReplica >= 0 ||
      this.highWatermark !== this.#sentHighWatermark ||
      this.logStart !== this.#sentLogStart
    );
  }

  /** The outcome of the last pass is on its way to the reader. */
  markSent(): void {
    this.#sentHighWatermark = this.highWatermark;
    this.#sentLogStart = this.logStart;
  }
}

function findReferenced(topics: Topics, { name, id }: TopicReference): FetchPartition["topic"] {
  return id === undefined ? topics.find(name) : topics.findById(id);
}
