import type { MessageInitShape } from "@bufbuild/protobuf";
import { XylemError } from "../../base/errors.ts";
import { decodeUtf8 } from "../../base/text.ts";
import type { Compare, Write } from "../../broker/ports/coordinator.ts";
import { checkTransaction } from "../../broker/ports/transaction-bounds.ts";
import type { EtcdEndpoints } from "./etcd-endpoints.ts";
import { isLeaseUnknown, isPassing, toCoordinatorError } from "./etcd-failure.ts";
import { encode, leaseIdOf, toNumber, type EtcdKeys } from "./etcd-keys.ts";
import type { MarkLane, MarkLanes } from "../mark-lanes.ts";
import {
  Compare_CompareResult,
  Compare_CompareTarget,
  type RequestOpSchema,
  type TxnRequestSchema,
  type TxnResponse,
} from "./generated/etcd/etcd_pb.ts";

export interface EtcdTransactionsOptions {
  readonly endpoints: EtcdEndpoints;
  readonly keys: EtcdKeys;
  readonly lanes: MarkLanes;
  readonly isLeaseThere: (id: bigint) => Promise<boolean>;
  /** A text that no other call of it answers. */
  readonly nonce: () => string;
}

type TxnRequest = MessageInitShape<typeof TxnRequestSchema>;
type RequestOp = MessageInitShape<typeof RequestOpSchema>;

/** Transactions that may wait for a lane. */
const waitingMax = 10_000;
/** Until it is asked whether one attempt was applied. */
const attemptMsMax = 2_000;
const attemptsMax = 5;

/** One transaction on its way. */
interface Transaction {
  readonly compares: readonly Compare[];
  readonly writes: readonly Write[];
  readonly lane: MarkLane;
  readonly nonce: string;
  /** What the marks are bound to. */
  readonly markLease: bigint;
}

/** What became of a transaction: applied at a revision, refused by a compare, or never applied. */
type Outcome =
  | { readonly kind: "applied"; readonly revision: number }
  | { readonly kind: "conflict" }
  | { readonly kind: "never" };

/**
 * Compare-and-set over etcd whose answer is what happened. Each transaction also compares and
 * writes a mark of this client's. When its answer is lost, a second one writes the mark: if the
 * first has been applied the mark shows it; if not, it never will be, for its compare no longer
 * holds wherever it is on its way. Then it is sent again.
 */
export class EtcdTransactions {
  readonly #endpoints: EtcdEndpoints;
  readonly #keys: EtcdKeys;
  readonly #lanes: MarkLanes;
  readonly #isLeaseThere: (id: bigint) => Promise<boolean>;
  readonly #nonce: () => string;

  constructor(options: EtcdTransactionsOptions) {
    this.#endpoints = options.endpoints;
    this.#keys = options.keys;
    this.#lanes = options.lanes;
    this.#isLeaseThere = options.isLeaseThere;
    this.#nonce = options.nonce;
  }

  /** As `Coordinator.transact`. */
  async run(compares: readonly Compare[], writes: readonly Write[]): Promise<number | undefined> {
    checkTransaction(compares, writes);
    this.#endpoints.checkOpen();
    if (this.#lanes.waitingCount >= waitingMax) {
      throw new XylemError("REQUEST_TIMED_OUT", `${waitingMax} changes wait for etcd`);
    }
    let lane: MarkLane | undefined = await this.#lanes.take();
    try {
      for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
        const taken: MarkLane = lane;
        lane = undefined;
        const outcome = await this.#attempt(taken, compares, writes);
        lane = taken;
        if (outcome.kind === "applied") return outcome.revision;
        if (outcome.kind === "conflict") return undefined;
        if (outcome.kind === "unmarked") lane = this.#lanes.make();
      }
      throw new XylemError("REQUEST_TIMED_OUT", "The change was sent often and never applied");
    } finally {
      this.#lanes.giveBack(lane);
    }
  }

  /** "unmarked": nothing was applied, because the lane's mark or its lease is gone. */
  async #attempt(
    lane: MarkLane,
    compares: readonly Compare[],
    writes: readonly Write[],
  ): Promise<Outcome | { readonly kind: "unmarked" }> {
    const markLease = leaseIdOf((await this.#lanes.lease()).id);
    const transaction = { compares, writes, lane, nonce: this.#nonce(), markLease };
    const endpoint = this.#endpoints.at();
    let answer: TxnResponse;
    try {
      const request = this.#requestOf(transaction);
      answer = await this.#endpoints.attempt(
        (options) => endpoint.kv.txn(request, options),
        attemptMsMax,
      );
      this.#endpoints.hear(endpoint);
    } catch (error) {
      this.#endpoints.checkOpen();
      if (isLeaseUnknown(error)) return await this.#heedLostLease(transaction, error);
      if (!isPassing(error)) throw toCoordinatorError(error, "A change");
      this.#endpoints.leave(endpoint, error);
      return await this.#settle(transaction);
    }
    if (answer.succeeded) {
      lane.revision = toNumber(answer.header?.revision);
      return { kind: "applied", revision: lane.revision };
    }
    const isMarked = markOf(answer).revision === lane.revision;
    return { kind: isMarked ? "conflict" : "unmarked" };
  }

  /** Either the marks' lease is gone, and new marks help; or one that the caller named. */
  async #heedLostLease(
    { writes }: Transaction,
    error: unknown,
  ): Promise<{ readonly kind: "unmarked" }> {
    for (const { lease } of writes) {
      if (lease === undefined || (await this.#isLeaseThere(leaseIdOf(lease.id)))) continue;
      throw toCoordinatorError(error, "A change");
    }
    await this.#lanes.loseLease();
    return { kind: "unmarked" };
  }

  /**
   * After a lost answer: writes the mark if the transaction has not, so that it never will.
   * Rejects when the outcome stays unknown: as long as the marks' lease is there, so are they.
   */
  async #settle({ lane, nonce, markLease }: Transaction): Promise<Outcome> {
    const fence = this.#nonce();
    const mark = this.#keys.bytesOf(lane.key);
    const request: TxnRequest = {
      compare: [this.#demand(lane)],
      success: [put(mark, fence, markLease)],
      failure: [{ request: { case: "requestRange", value: { key: mark } } }],
    };
    const what = "The outcome of a change is unknown";
    const call = this.#endpoints.ask(what, ({ kv }, options) => kv.txn(request, options));
    const answer = await call.catch((error: unknown) => {
      const isLapsed = error instanceof XylemError && error.code === "STALE_BROKER_EPOCH";
      throw isLapsed ? new XylemError("REQUEST_TIMED_OUT", `${what}: its mark has lapsed`) : error;
    });
    if (answer.succeeded) {
      lane.revision = toNumber(answer.header?.revision);
      return { kind: "never" };
    }
    const found = markOf(answer);
    if (found.value !== nonce && found.value !== fence) {
      throw new XylemError("REQUEST_TIMED_OUT", `${what}: its mark has lapsed`);
    }
    lane.revision = found.revision;
    return found.value === fence
      ? { kind: "never" }
      : { kind: "applied", revision: found.revision };
  }

  #requestOf({ compares, writes, lane, nonce, markLease }: Transaction): TxnRequest {
    const mark = this.#keys.bytesOf(lane.key);
    return {
      compare: [...compares, lane].map((compare) => this.#demand(compare)),
      success: [...writes.map((write) => this.#writeOf(write)), put(mark, nonce, markLease)],
      failure: [{ request: { case: "requestRange", value: { key: mark } } }],
    };
  }

  #demand({ key, revision }: Compare) {
    return {
      key: this.#keys.bytesOf(key),
      result: Compare_CompareResult.EQUAL,
      target: Compare_CompareTarget.MOD,
      targetUnion: { case: "modRevision" as const, value: BigInt(revision) },
    };
  }

  #writeOf({ key, value, lease }: Write): RequestOp {
    const name = this.#keys.bytesOf(key);
    if (value !== null) return put(name, value, lease === undefined ? 0n : leaseIdOf(lease.id));
    return { request: { case: "requestDeleteRange", value: { key: name } } };
  }
}

function put(key: Uint8Array<ArrayBuffer>, value: string, lease: bigint): RequestOp {
  return { request: { case: "requestPut", value: { key, value: encode(value), lease } } };
}

/** What the failed transaction read of its mark. */
function markOf({ responses }: TxnResponse): { readonly revision: number; readonly value: string } {
  const read = responses[0]?.response;
  const kv = read?.case === "responseRange" ? read.value.kvs[0] : undefined;
  if (kv === undefined) return { revision: 0, value: "" };
  return { revision: toNumber(kv.modRevision), value: decodeUtf8(kv.value) };
}
