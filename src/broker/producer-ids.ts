import { assert } from "../base/assert.ts";
import { XylemError } from "../base/errors.ts";
import { type CoordinatorFeed, isNews } from "./cluster/coordinator-feed.ts";
import { restoredKey } from "./cluster/replicas/restored-mark.ts";
import type { Compare, Coordinator } from "./ports/coordinator.ts";
import { readEntry } from "./ports/read-entry.ts";

/** Ids reserved with one write to the coordinator (semantics.md 10, InitProducerId 9). */
const blockSize = 1_000;
const key = "producer-ids";
/** Other nodes may reserve at the same time; each round one of them wins. */
const roundsMax = 100;
/** Left out once the coordinator was restored: more than was reserved without a word to us. */
const restoredGap = 1_000 * blockSize;

/** Nobody was ever given one that is higher: a client made it up. */
const highestBelieved = 2 ** 52;

/** Kafka hands its ids out from 0 on, a block of 1000 for each broker's start. */
const firstApart = 2 ** 40;

/** Kafka wrote in this directory, and may again: our ids come from where its never get. */
export async function keepProducerIdsApart(coordinator: Coordinator): Promise<void> {
  const entry = await readEntry(coordinator, key);
  if (Number(entry?.value ?? 0) >= firstApart) return;
  const compares = [{ key, revision: entry?.revision ?? 0 }];
  await coordinator.transact(compares, [{ key, value: String(firstApart) }]);
}

/**
 * Hands out producer ids, each once, ever: a block is reserved durably before its first id leaves,
 * so that a crash wastes ids and repeats none.
 */
export class ProducerIds {
  readonly #coordinator: Coordinator;
  #next = 0;
  #end = 0;
  /** The first id that nobody had reserved, of all that was ever told. */
  #reservedTo = 0;
  /** That of the newest write that is known: what is told of an older one comes late. */
  #revision = 0;
  #refill: Promise<void> | undefined;

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator;
  }

  /**
   * In a cluster: remembers from here on what others reserve, so that none of it is reserved again
   * when the coordinator is restored from a backup that is older. Then a block is taken at once,
   * above all that is known, for those who start later and know nothing. Whoever takes the first
   * one after a restore was noticed leaves a gap, whatever he knows. `used` is what this node's
   * logs have: all that is known where no node was up when it was restored.
   */
  async follow(feed: CoordinatorFeed, used: Iterable<number>): Promise<void> {
    feed.follow(key, (news) => {
      const change = news.changes.find((candidate) => candidate.key === key);
      if (change === undefined || !isNews(change, this.#revision, news)) return;
      const told = Number(change.value ?? 0);
      if (told < this.#reservedTo) this.#refillEarly();
      // Another node knew of more than was reserved: so may be what is left of the block here.
      else if (isAboveGap(told, this.#reservedTo)) this.#next = this.#end;
      this.#note(told, change.revision);
    });
    // What is left here of a block may have been reserved by others in what was taken back.
    feed.follow(restoredKey, ({ changes }) => {
      if (changes.length > 0) this.#next = this.#end;
    });
    const entry = await readEntry(this.#coordinator, key);
    const told = Number(entry?.value ?? 0);
    this.#note(told, entry?.revision ?? 0);
    for (const id of used) if (id < highestBelieved) this.#note(id + 1, this.#revision);
    if (told < this.#reservedTo) this.#refillEarly();
  }

  /** A new id. Rejects with what the coordinator's storage says, or COORDINATOR_NOT_AVAILABLE. */
  async next(): Promise<number> {
    while (this.#next === this.#end) await this.#refillOnce();
    return this.#next++;
  }

  #refillOnce(): Promise<void> {
    this.#refill ??= this.#reserve().finally(() => {
      this.#refill = undefined;
    });
    return this.#refill;
  }

  /** Its outcome is of no matter here: where it failed whoever wants an id tries it again. */
  #refillEarly(): void {
    this.#next = this.#end;
    this.#refillOnce().catch(() => undefined);
  }

  /** A value that is no number, as a hand may have left it, says nothing. */
  #note(reservedTo: number, revision: number): void {
    if (reservedTo > this.#reservedTo) this.#reservedTo = reservedTo;
    this.#revision = revision;
  }

  async #reserve(): Promise<void> {
    for (let round = 0; round < roundsMax; round++) {
      const { first, compares } = await this.#look();
      const end = first + blockSize;
      const writes = [{ key, value: String(end) }];
      const written = await this.#coordinator.transact(compares, writes);
      if (written === undefined || isAboveGap(this.#reservedTo, end)) continue;
      this.#next = first;
      this.#end = end;
      this.#note(end, written);
      return;
    }
    throw new XylemError("COORDINATOR_NOT_AVAILABLE", "No producer ids could be reserved");
  }

  /** The first id that nobody was given, as long as what it was found by is as it was. */
  async #look(): Promise<{ readonly first: number; readonly compares: readonly Compare[] }> {
    const [entry, mark] = await Promise.all([
      readEntry(this.#coordinator, key),
      readEntry(this.#coordinator, restoredKey),
    ]);
    const told = Number(entry?.value ?? 0);
    const isGood = Number.isSafeInteger(told + restoredGap + blockSize);
    assert(isGood, `the coordinator's ${key} is ${entry?.value}`);
    const compares = [
      { key, revision: entry?.revision ?? 0 },
      { key: restoredKey, revision: mark?.revision ?? 0 },
    ];
    // Not written since the restore: others may have had the next ones, unknown here.
    const isOfBackup = (mark?.revision ?? 0) > (entry?.revision ?? 0);
    if (!isOfBackup && told >= this.#reservedTo) return { first: told, compares };
    return { first: Math.max(told, this.#reservedTo) + restoredGap, compares };
  }
}

function isAboveGap(reservedTo: number, before: number): boolean {
  return reservedTo >= before + restoredGap;
}
