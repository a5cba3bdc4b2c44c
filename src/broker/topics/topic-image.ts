import type { Uuid } from "../../base/uuid.ts";
import { collisionName } from "./topic-name.ts";
import type { LiveTopic } from "./live-topic.ts";

/** The topics in memory, by name and by id. */
export class TopicImage {
  readonly #byName = new Map<string, LiveTopic>();
  readonly #byCollision = new Map<string, LiveTopic>();
  readonly #byId = new Map<string, LiveTopic>();
  #sorted: readonly LiveTopic[] | undefined;

  get size(): number {
    return this.#byName.size;
  }

  find(name: string): LiveTopic | undefined {
    return this.#byName.get(name);
  }

  findById(id: Uuid): LiveTopic | undefined {
    return this.#byId.get(bytesKey(id));
  }

  /** The topic with this name, or with one that differs only in `.` and `_`. */
  findCollision(name: string): LiveTopic | undefined {
    return this.#byName.get(name) ?? this.#byCollision.get(collisionName(name));
  }

  list(): readonly LiveTopic[] {
    this.#sorted ??= [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return this.#sorted;
  }

  add(topic: LiveTopic): void {
    this.#byName.set(topic.name, topic);
    this.#byCollision.set(collisionName(topic.name), topic);
    this.#byId.set(bytesKey(topic.id), topic);
    this.#sorted = undefined;
  }

  remove(topic: LiveTopic): void {
    this.#byName.delete(topic.name);
    this.#byCollision.delete(collisionName(topic.name));
    this.#byId.delete(bytesKey(topic.id));
    this.#sorted = undefined;
  }
}

/** One character a byte: cheaper than an id's real text, and asked on every fetch by id. */
function bytesKey(id: Uuid): string {
  return String.fromCharCode.apply(null, id as unknown as number[]);
}
