import { XylemError } from "../../base/errors.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import {
  type AppendedRecord,
  type AppendOutcome,
  type Appending,
  appendPlaced,
} from "../records/append-records.ts";
import { encodeAppend, toOutcome } from "./append-forms.ts";
import type { ForwardCalls } from "./forward-calls.ts";
import { appendAnswer } from "./messages.ts";
import { isLost, isMoved, unknownOutcome } from "./moved.ts";
import { look, Pauses, type Tried } from "./pauses.ts";

/** What became of one record in one try. */
interface Fate extends AppendedRecord {
  /** It was thrown: for all records that went to the same node. */
  readonly wasThrown?: boolean;
  readonly isDurable: boolean;
  readonly isDuplicate: boolean;
}

/** Records that go to one node, by where they are in the request. */
interface Part {
  readonly nodeId: number | undefined;
  /** Why they can go nowhere. */
  readonly absence?: XylemError | undefined;
  readonly indexes: number[];
}

/**
 * Appends each partition's records on the node that leads it. What surely was not appended because
 * its head moved is tried again elsewhere; what may have been is so only with an idempotency key,
 * else it is REQUEST_TIMED_OUT.
 */
export class ForwardAppend {
  readonly #calls: ForwardCalls;
  readonly #appending: Appending;
  readonly #fates: Fate[] = [];
  /** Of each record; undefined: there is no such partition, which is said here. */
  readonly #logs: readonly (PartitionLog | undefined)[];

  constructor(calls: ForwardCalls, appending: Appending) {
    this.#calls = calls;
    this.#appending = appending;
    const { topic, placed } = appending;
    this.#logs = placed.map(({ partition }) => topic.partitions[partition]);
  }

  async run(): Promise<AppendOutcome> {
    const { scope, topic, ask } = this.#appending;
    const pauses = new Pauses(scope.broker, ask.timeoutMs);
    let indexes = [...this.#logs.keys()];
    for (;;) {
      const tried = this.#lookFor(indexes);
      await this.#try(indexes, tried);
      indexes = indexes.filter((index) => this.#mayRepeat(this.#fates[index] as Fate));
      const why = indexes.map((index) => this.#fates[index]?.error).find(isMovedOrLost);
      if (why === undefined) break;
      const again = new Set(indexes.map((index) => this.#logs[index]));
      const moved = [...tried.values()].filter(({ log }) => again.has(log));
      if (!(await pauses.take(topic, moved, why))) break;
    }
    return this.#outcome();
  }

  /** One look for each partition. */
  #lookFor(indexes: readonly number[]): ReadonlyMap<PartitionLog, Tried> {
    const { scope, topic } = this.#appending;
    const looks = new Map<PartitionLog, Tried>();
    for (const index of indexes) {
      const log = this.#logs[index];
      if (log !== undefined && !looks.has(log)) looks.set(log, look(scope.broker, topic, log));
    }
    return looks;
  }

  async #try(indexes: readonly number[], tried: ReadonlyMap<PartitionLog, Tried>): Promise<void> {
    const parts = new Map<string, Part>();
    for (const index of indexes) {
      const log = this.#logs[index];
      const part = this.#partOf(log && tried.get(log));
      const key = `${part.nodeId}/${part.absence?.code}`;
      const known = parts.get(key) ?? part;
      parts.set(key, known);
      known.indexes.push(index);
    }
    await Promise.all([...parts.values()].map((part) => this.#tryPart(part)));
  }

  #partOf(tried: Tried | undefined): Part {
    const absence = tried?.log.absence;
    if (tried === undefined || absence === undefined) return { nodeId: undefined, indexes: [] };
    const { leaderId } = tried.place;
    const { nodeId } = this.#appending.scope.broker.identity;
    if (leaderId < 0 || leaderId === nodeId) return { nodeId: undefined, absence, indexes: [] };
    return { nodeId: leaderId, indexes: [] };
  }

  async #tryPart(part: Part): Promise<void> {
    const { indexes } = part;
    try {
      const { records, isDurable, isDuplicate } = await this.#append(part);
      for (const [at, index] of indexes.entries()) {
        this.#fates[index] = { ...(records[at] as AppendedRecord), isDurable, isDuplicate };
      }
    } catch (error) {
      const { placed } = this.#appending;
      for (const index of indexes) {
        const { partition, timestampMs } = placed[index] as Appending["placed"][number];
        const nothing = { offset: -1, isDurable: false, isDuplicate: false, wasThrown: true };
        this.#fates[index] = { partition, timestampMs, ...nothing, error: error as XylemError };
      }
    }
  }

  async #append({ nodeId, absence, indexes }: Part): Promise<AppendOutcome> {
    if (absence !== undefined) throw absence;
    const { ask, placed } = this.#appending;
    const own = indexes.map((index) => placed[index] as Appending["placed"][number]);
    const appending = { ...this.#appending, placed: own };
    if (nodeId === undefined) return await appendPlaced(appending);
    const answer = await this.#calls.ask(nodeId, {
      name: "forwarded-append",
      body: encodeAppend(appending),
      timeoutMs: ask.timeoutMs,
      answer: appendAnswer,
    });
    const outcome = toOutcome(answer);
    if (outcome.records.length === own.length) return outcome;
    const detail = `node ${nodeId} told of ${outcome.records.length} records, not ${own.length}`;
    throw unknownOutcome(new XylemError("UNKNOWN_SERVER_ERROR", detail));
  }

  #mayRepeat({ error, offset, wasThrown }: Fate): boolean {
    const hasKey = this.#appending.ask.idempotency !== undefined;
    if (isMoved(error)) return wasThrown === true || offset < 0 || hasKey;
    return wasThrown === true && isLost(error) && hasKey;
  }

  /** As one node tells it. Throws what refused every record before anything was appended. */
  #outcome(): AppendOutcome {
    const fates = this.#fates.map(known);
    const [first] = fates;
    if (first?.error !== undefined && fates.every(({ wasThrown }) => wasThrown)) throw first.error;
    const records = fates.map(({ partition, offset, timestampMs, error }) =>
      error === undefined
        ? { partition, offset, timestampMs }
        : { partition, offset, timestampMs, error },
    );
    const error = fates.find((fate) => fate.error !== undefined)?.error;
    const isDurable = fates.every((fate) => fate.isDurable);
    const isDuplicate = fates.every((fate) => fate.isDuplicate);
    return { records, isDurable, isDuplicate, ...(error && { error }) };
  }
}

function isMovedOrLost(error: XylemError | undefined): error is XylemError {
  return isMoved(error) || isLost(error);
}

/** What nobody knows is said so. */
function known(fate: Fate): Fate {
  const { error, offset, wasThrown } = fate;
  const isUnknown = wasThrown === true ? isLost(error) : isMoved(error) && offset >= 0;
  return isUnknown && error !== undefined ? { ...fate, error: unknownOutcome(error) } : fate;
}
