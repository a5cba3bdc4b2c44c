import type { GroupFetched, GroupPosition } from "./answers.ts";
import { Backoff, delay } from "./backoff.ts";
import type { GroupCalls } from "./group-calls.ts";
import { randomName } from "./random-name.ts";
import type { ClientRecord } from "./record-json.ts";
import { isPassing, XylemClientError } from "./xylem-client-error.ts";

export type RecordHandler = (record: ClientRecord) => unknown;

export interface ConsumeOptions {
  readonly topics: readonly string[];
  /** The member's name; one by chance unless given. */
  readonly member?: string;
  /** The most records that are in hand at a time. */
  readonly recordsMax?: number;
  /** Where the group begins in a partition that is new to it; earliest. */
  readonly reset?: "earliest" | "latest";
  /** Leaves the group, behind the record that is in hand. */
  readonly signal?: AbortSignal;
}

type Consumption = ConsumeOptions & { readonly group: string };

const waitMs = 10_000;
/** Far below the session timeout, after which a member is taken for gone. */
const signOfLifeMs = 5_000;
const backoffLimits = { initialMs: 200, mostMs: 10_000 };

/** The loop of `GroupCalls.consume`. */
export async function consumeGroup(
  calls: GroupCalls,
  { group, member = randomName(), signal, ...wanted }: Consumption,
  handler: RecordHandler,
): Promise<void> {
  const backoff = new Backoff(backoffLimits);
  const isLeaving = (): boolean => signal?.aborted === true;
  const options = { ...wanted, member, waitMs, ...(signal !== undefined && { signal }) };
  try {
    while (!isLeaving()) {
      try {
        const askedMs = performance.now();
        const fetched = await calls.fetch(group, options);
        const inHand = new RecordsInHand(calls, group, fetched);
        const failure = await inHand.handle(handler, signal);
        if (failure !== undefined) throw new HandlerFailure(failure.error);
        // A node that has nothing waits, unless it stops: then it is not to be asked at once.
        const isHurried = fetched.records.length === 0 && performance.now() - askedMs < waitMs / 2;
        if (!isHurried) backoff.reset();
        else await delay(backoff.next(), signal).catch(() => undefined);
      } catch (error) {
        if (error instanceof HandlerFailure) throw error.cause;
        if (isLeaving()) break;
        if (!isPassing(error) && !isTooLate(error)) throw error;
        await delay(backoff.next(), signal).catch(() => undefined);
      }
    }
  } finally {
    // Its partitions are free at once; if that fails, then when its session is over.
    await calls.leave(group, member).catch(() => undefined);
  }
}

/** What a handler threw may look like an error of ours. */
class HandlerFailure extends Error {
  constructor(cause: unknown) {
    super("the handler failed", { cause });
  }
}

/** The member was taken for gone: its records come again. */
function isTooLate(error: unknown): boolean {
  if (!(error instanceof XylemClientError)) return false;
  return error.code === "UNKNOWN_MEMBER_ID" || error.code === "STALE_MEMBER_EPOCH";
}

/** Records of one fetch, on their way from handed out to acknowledged. */
class RecordsInHand {
  readonly #calls: GroupCalls;
  readonly #group: string;
  readonly #fetched: GroupFetched;
  #done = new Map<string, GroupPosition>();
  #sending: Promise<void> | undefined;
  #ackFailure: { readonly error: unknown } | undefined;

  constructor(calls: GroupCalls, group: string, fetched: GroupFetched) {
    this.#calls = calls;
    this.#group = group;
    this.#fetched = fetched;
  }

  /** Answers how the handler failed, if it did. Rejects when what is done is not acknowledged. */
  async handle(
    handler: RecordHandler,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly error: unknown } | undefined> {
    const timer = setInterval(() => this.#acknowledge(), signOfLifeMs);
    const failure = await this.#handleEach(handler, signal).finally(() => clearInterval(timer));
    await this.#sending;
    if (this.#done.size > 0 && this.#ackFailure === undefined) this.#acknowledge();
    await this.#sending;
    if (failure !== undefined || this.#ackFailure === undefined) return failure;
    throw this.#ackFailure.error;
  }

  async #handleEach(
    handler: RecordHandler,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly error: unknown } | undefined> {
    for (const record of this.#fetched.records) {
      // Once an acknowledgement was refused the rest may be another member's.
      if (signal?.aborted === true || this.#ackFailure !== undefined) return undefined;
      try {
        await handler(record);
      } catch (error) {
        return { error };
      }
      const { topic, partition, offset } = record;
      this.#done.set(`${topic}:${partition}`, { topic, partition, offset: offset + 1 });
    }
    return undefined;
  }

  /** Sends what is done; with nothing it still says that the member lives. One at a time. */
  #acknowledge(): void {
    if (this.#sending !== undefined) return;
    const offsets = [...this.#done.values()];
    this.#done = new Map();
    const { member, epoch } = this.#fetched;
    this.#sending = this.#calls
      .ack(this.#group, { member, offsets, epoch })
      .then(() => undefined)
      .catch((error: unknown) => {
        this.#ackFailure ??= { error };
      })
      .finally(() => {
        this.#sending = undefined;
      });
  }
}
