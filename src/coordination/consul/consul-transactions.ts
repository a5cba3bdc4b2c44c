import { XylemError } from "../../base/errors.ts";
import type { Compare, Write } from "../../broker/ports/coordinator.ts";
import { checkTransaction } from "../../broker/ports/transaction-bounds.ts";
import type { MarkLane, MarkLanes } from "../mark-lanes.ts";
import type { ConsulAgents, ConsulAnswer } from "./consul-agents.ts";
import { isPassing, toCoordinatorError } from "./consul-failure.ts";
import { asList, type ConsulKeys } from "./consul-keys.ts";
import {
  type ConsulOperation,
  keysToLookAt,
  type KeyState,
  planOperations,
} from "./consul-operations.ts";
import { notFound } from "./consul-read.ts";

export interface ConsulTransactionsOptions {
  readonly agents: ConsulAgents;
  readonly keys: ConsulKeys;
  readonly lanes: MarkLanes;
  /** A text that no other call of it answers. */
  readonly nonce: () => string;
}

/** Transactions that may wait for a lane. */
const waitingMax = 10_000;
/** Until it is asked whether one attempt was applied. */
const attemptMsMax = 2_000;
/** Of which the answer was lost, or the mark was gone. */
const attemptsMax = 5;
/** Because a key that is not compared was written by others since it was looked at. */
const overtakenMax = 100;
const conflictStatus = 409;

/** What Consul did with some operations. */
type Refusals = ReadonlyMap<number, string>;
type Done =
  | { readonly isApplied: true; readonly results: readonly unknown[] }
  | { readonly isApplied: false; readonly refusals: Refusals };

/** What became of one attempt. "overtaken", "unmarked" and "never": nothing was changed. */
type Outcome =
  | { readonly kind: "applied"; readonly revision: number }
  | { readonly kind: "conflict" | "overtaken" | "unmarked" | "never" };

/**
 * Compare-and-set over Consul whose answer is what happened. Each transaction also compares and
 * writes a mark of this client's. When its answer is lost, a second one writes the mark: if the
 * first has been applied the mark shows it; if not, it never will be, for its compare no longer
 * holds wherever it is on its way. Then it is sent again.
 */
export class ConsulTransactions {
  readonly #agents: ConsulAgents;
  readonly #keys: ConsulKeys;
  readonly #lanes: MarkLanes;
  readonly #nonce: () => string;

  constructor({ agents, keys, lanes, nonce }: ConsulTransactionsOptions) {
    this.#agents = agents;
    this.#keys = keys;
    this.#lanes = lanes;
    this.#nonce = nonce;
  }

  /** As `Coordinator.transact`. */
  async run(compares: readonly Compare[], writes: readonly Write[]): Promise<number | undefined> {
    checkTransaction(compares, writes);
    this.#agents.checkOpen();
    if (this.#lanes.waitingCount >= waitingMax) {
      throw new XylemError("REQUEST_TIMED_OUT", `${waitingMax} changes wait for Consul`);
    }
    let lane: MarkLane | undefined = await this.#lanes.take();
    let [attempts, overtaken] = [0, 0];
    try {
      while (attempts < attemptsMax && overtaken < overtakenMax) {
        const taken: MarkLane = lane;
        lane = undefined;
        const outcome = await this.#attempt(taken, compares, writes);
        lane = outcome.kind === "unmarked" ? this.#lanes.make() : taken;
        if (outcome.kind === "applied") return outcome.revision;
        if (outcome.kind === "conflict") return undefined;
        if (outcome.kind === "overtaken") overtaken += 1;
        else attempts += 1;
      }
      throw new XylemError("REQUEST_TIMED_OUT", "The change was sent often and never applied");
    } finally {
      this.#lanes.giveBack(lane);
    }
  }

  async #attempt(
    lane: MarkLane,
    compares: readonly Compare[],
    writes: readonly Write[],
  ): Promise<Outcome> {
    if (lane.revision === 0 && !(await this.#mark(lane))) return { kind: "unmarked" };
    const found = await this.#lookAt(keysToLookAt(compares, writes));
    const planned = planOperations(compares, writes, found);
    if (planned === undefined) return { kind: "conflict" };
    const nonce = this.#nonce();
    const operations = [...planned, markOperation(lane, nonce)];
    const agent = this.#agents.at();
    let done: Done;
    try {
      const request = this.#requestOf(operations);
      const answer = await this.#agents.attempt(agent, request, { timeoutMs: attemptMsMax });
      done = doneOf(answer);
    } catch (error) {
      this.#agents.checkOpen();
      if (!isPassing(error)) throw toCoordinatorError(error, "A change");
      this.#agents.leave(agent, error);
      return await this.#settle(lane, nonce);
    }
    if (!done.isApplied) return refusalOf(operations, done.refusals);
    lane.revision = this.#revisionOf(lane.key, done.results);
    return { kind: "applied", revision: lane.revision };
  }

  /** Makes the mark, bound to the marks' lease; later writes leave it so. */
  async #mark(lane: MarkLane): Promise<boolean> {
    const { key } = lane;
    const session = (await this.#lanes.lease()).id;
    const operations: ConsulOperation[] = [
      { verb: "check-not-exists", key },
      { verb: "lock", key, value: this.#nonce(), session },
    ];
    // Sent again after it was applied it is refused, and what it made is used by nobody.
    const done = doneOf(await this.#agents.ask("A change", this.#requestOf(operations)));
    if (done.isApplied) lane.revision = this.#revisionOf(key, done.results);
    else if (done.refusals.has(1) && !done.refusals.has(0)) await this.#lanes.loseLease();
    return done.isApplied;
  }

  /** What keys hold, at one moment or another: whoever acts on it makes sure of it. */
  async #lookAt(keys: readonly string[]): Promise<ReadonlyMap<string, KeyState>> {
    const found = new Map<string, KeyState>();
    let left = keys;
    while (left.length > 0) {
      const asked = left;
      const request = this.#requestOf(asked.map((key) => ({ verb: "get", key })));
      const path = `${request.path}?consistent`;
      const done = doneOf(await this.#agents.ask("A change", { ...request, path }));
      if (done.isApplied) {
        for (const entry of this.#entriesOf(done.results)) found.set(entry.key, entry);
        return found;
      }
      const { refusals } = done;
      for (const at of refusals.keys()) found.set(asked[at] as string, { revision: 0 });
      left = asked.filter((_, at) => !refusals.has(at));
    }
    return found;
  }

  /**
   * After a lost answer: writes the mark if the transaction has not, so that it never will.
   * Rejects when the outcome stays unknown: as long as the marks' lease is there, so are they.
   */
  async #settle(lane: MarkLane, nonce: string): Promise<Outcome> {
    const what = "The outcome of a change is unknown";
    const fence = this.#nonce();
    const done = doneOf(
      await this.#agents.ask(what, this.#requestOf([markOperation(lane, fence)])),
    );
    if (done.isApplied) {
      lane.revision = this.#revisionOf(lane.key, done.results);
      return { kind: "never" };
    }
    const request = { path: this.#keys.listPath(lane.key), alsoTaken: [notFound] };
    const { body } = await this.#agents.ask(what, request);
    const mark = asList(body ?? [])
      .map((item) => this.#keys.entryOf(item))
      .find(({ key }) => key === lane.key);
    if (mark === undefined || (mark.value !== nonce && mark.value !== fence)) {
      throw new XylemError("REQUEST_TIMED_OUT", `${what}: its mark has lapsed`);
    }
    lane.revision = mark.revision;
    return mark.value === fence ? { kind: "never" } : { kind: "applied", revision: mark.revision };
  }

  #requestOf(operations: readonly ConsulOperation[]) {
    const body = operations.map(({ verb, key, value, index, session }) => ({
      KV: {
        Verb: verb,
        Key: this.#keys.nameOf(key),
        ...(value === undefined ? {} : { Value: Buffer.from(value).toString("base64") }),
        ...(index === undefined ? {} : { Index: index }),
        ...(session === undefined ? {} : { Session: session }),
      },
    }));
    return { path: "txn", body, alsoTaken: [conflictStatus] };
  }

  #entriesOf(results: readonly unknown[]) {
    return results.map((result) => this.#keys.entryOf((result as { readonly KV?: unknown }).KV));
  }

  #revisionOf(key: string, results: readonly unknown[]): number {
    const written = this.#entriesOf(results).find((entry) => entry.key === key);
    if (written !== undefined) return written.revision;
    throw new XylemError("UNKNOWN_SERVER_ERROR", "Consul does not say what it wrote");
  }
}

function markOperation({ key, revision }: MarkLane, value: string): ConsulOperation {
  return { verb: "cas", key, value, index: revision };
}

function doneOf({ status, body }: ConsulAnswer): Done {
  const { Results, Errors } = body as { readonly Results: unknown; readonly Errors: unknown };
  if (status !== conflictStatus) return { isApplied: true, results: asList(Results) };
  const refusals = new Map<number, string>();
  for (const error of asList(Errors)) {
    const { OpIndex, What } = error as { readonly OpIndex: number; readonly What: string };
    refusals.set(OpIndex, What);
  }
  return { isApplied: false, refusals };
}

/** The mark is the last operation; without it the others say nothing. */
function refusalOf(operations: readonly ConsulOperation[], refusals: Refusals): Outcome {
  if (refusals.has(operations.length - 1)) return { kind: "unmarked" };
  const refused = [...refusals].map(([at, why]) => ({ why, asks: operations[at]?.asks }));
  if (refused.some(({ asks }) => asks === "compare")) return { kind: "conflict" };
  const lapsed = refused.find(({ why, asks }) => asks === "lease" && why.includes("session"));
  if (lapsed === undefined) return { kind: "overtaken" };
  throw new XylemError("STALE_BROKER_EPOCH", `A change: Consul answers "${lapsed.why}"`);
}
