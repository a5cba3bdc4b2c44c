import type { Random } from "../../base/random.ts";
import { SeededRandom } from "../../base/seeded-random.ts";
import type { Uuid } from "../../base/uuid.ts";
import type { VirtualClock } from "../../base/virtual-clock.ts";
import type { ApiName, ReceivedResponseOf, SentRequestOf } from "../../protocol/api-table.ts";
import type { HistoryEvent, PartitionKey, TopicRules } from "./history.ts";
import type { Client } from "./simulated-client.ts";
import type { Trace } from "./trace.ts";

/** A topic as the clients know it. */
export interface KnownTopic {
  readonly name: string;
  readonly id: Uuid;
  /** The id as text: the topic's name in a history. */
  readonly key: string;
  readonly partitions: number;
  readonly rules: TopicRules;
  /** When a client knew of it, of the clock. */
  readonly madeMs: number;
  /** Asked to be deleted: it may be gone. */
  isGoing: boolean;
  /** A group reads it: it is not to be deleted. */
  isKept?: boolean;
}

export interface Target {
  readonly topic: KnownTopic;
  readonly index: number;
}

/** As long as a node may serve what it has not heard to be deleted: a lease, and some more. */
const namesakesLastMs = 6_000;

/** An event without its moment. */
export type NewEvent = HistoryEvent extends infer Event
  ? Event extends HistoryEvent
    ? Omit<Event, "atMs">
    : never
  : never;

export interface WorldParts {
  readonly seed: number;
  readonly clock: VirtualClock;
  readonly trace: Trace;
  /** A client of the broker, whose chance is its own. */
  readonly connect: (name: string, random: Random) => Client;
}

/** What the actors of one run share. */
export class World {
  readonly clock: VirtualClock;
  readonly trace: Trace;
  readonly history: HistoryEvent[] = [];
  readonly topics: KnownTopic[] = [];
  readonly #seed: number;
  readonly #connect: WorldParts["connect"];
  /** Client operations so far. */
  requestCount = 0;
  /** The clients finish what they are at. */
  isEnding = false;
  #commitCount = 0;

  constructor(parts: WorldParts) {
    this.clock = parts.clock;
    this.trace = parts.trace;
    this.#seed = parts.seed;
    this.#connect = parts.connect;
  }

  /** Chance of its own for each name, so that one actor's draws do not move another's. */
  fork(name: string): Random {
    return forkRandom(this.#seed, name);
  }

  client(name: string): Client {
    return this.#connect(name, this.fork(`network of ${name}`));
  }

  /** One client operation. */
  ask<Name extends ApiName>(
    client: Client,
    name: Name,
    version: number,
    body: SentRequestOf<Name>,
  ): Promise<ReceivedResponseOf<Name>> {
    this.requestCount += 1;
    return client.request(name, version, body);
  }

  record(event: NewEvent): void {
    this.history.push({ ...event, atMs: this.clock.monotonicMs() } as HistoryEvent);
  }

  tell(who: string, what: string): void {
    this.trace.add(who, what);
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.clock.schedule(delayMs, resolve));
  }

  /** Topics that nobody has asked to delete. */
  liveTopics(): KnownTopic[] {
    return this.topics.filter(({ isGoing }) => !isGoing);
  }

  /** Who asks by its name may be answered by a node that has another one still, deleted before. */
  mayBeTakenForAnother({ name, key, madeMs }: KnownTopic): boolean {
    const isAnew = this.topics.some((one) => one.name === name && one.key !== key);
    return isAnew && this.clock.monotonicMs() < madeMs + namesakesLastMs;
  }

  nextCommit(): number {
    this.#commitCount += 1;
    return this.#commitCount;
  }
}

export function keyOf({ topic, index }: Target): PartitionKey {
  return `${topic.key}-${index}`;
}

export function forkRandom(seed: number, name: string): Random {
  let mixed = seed >>> 0;
  for (let at = 0; at < name.length; at += 1) {
    mixed = Math.imul(mixed ^ name.charCodeAt(at), 0x5bd1e995) >>> 0;
    mixed ^= mixed >>> 13;
  }
  return new SeededRandom(mixed);
}
