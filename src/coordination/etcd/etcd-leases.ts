import type { CallOptions } from "@connectrpc/connect";
import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import { HeldLease, type LeaseKeeper } from "../../broker/leases/held-lease.ts";
import type { EtcdEndpoint, EtcdEndpoints } from "./etcd-endpoints.ts";
import { isLeaseUnknown, isPassing, toCoordinatorError } from "./etcd-failure.ts";
import { encode, findLeaseId, leaseIdOf, leaseText } from "./etcd-keys.ts";

export interface EtcdLeasesOptions {
  readonly endpoints: EtcdEndpoints;
  readonly clock: Clock;
}

/**
 * Unanswered keep-alives after which a connection is given up. Not the second: after a stall of
 * this process it is sent before the first one's answer is looked at. Then the new one has a turn.
 */
const attemptsUnansweredMax = 2;
const attemptsPerConnection = attemptsUnansweredMax + 1;
/** Until the system has told of a connection's end. */
const endMs = 1;
/** Leaders that one keep-alive may see come and go. */
const termsMax = 3;
/** Read for what the answer's header says; need not be there. */
const anyKey = encode("xylem/");

/**
 * Leases in etcd. A keep-alive is a call of its own, sent to one member and, if it does not answer
 * soon, to the next one too. It counts only if the leader that took it was confirmed by a quorum
 * afterwards: an old leader that is cut off takes keep-alives for a while (decision 019).
 */
export class EtcdLeases implements LeaseKeeper {
  readonly #endpoints: EtcdEndpoints;
  readonly #clock: Clock;
  readonly #held = new Set<HeldLease>();
  /** Asked for a lease, and not answered. */
  readonly #asked = new Map<string, Set<EtcdEndpoint>>();
  /** Of raft, as a member last confirmed it. */
  readonly #terms = new WeakMap<EtcdEndpoint, bigint>();

  constructor({ endpoints, clock }: EtcdLeasesOptions) {
    this.#endpoints = endpoints;
    this.#clock = clock;
  }

  /** etcd counts in seconds: rounded up. A grant whose answer is lost runs out by itself. */
  async grant(ttlMs: number): Promise<HeldLease> {
    const TTL = BigInt(Math.max(1, Math.ceil(ttlMs / 1_000)));
    let sentMs = 0;
    const answer = await this.#endpoints.ask("A lease was not granted", ({ lease }, options) => {
      sentMs = this.#clock.monotonicMs();
      return lease.leaseGrant({ TTL }, options);
    });
    if (answer.error !== "") {
      throw new XylemError("UNKNOWN_SERVER_ERROR", `etcd grants no lease: ${answer.error}`);
    }
    const grant = { id: leaseText(answer.ID), ttlMs: Number(answer.TTL) * 1_000, sentMs };
    this.#endpoints.checkOpen();
    const held = new HeldLease(grant, this, this.#clock);
    this.#held.add(held);
    held.onLost(() => this.#held.delete(held));
    return held;
  }

  async renew(
    id: string,
    { timeoutMs, attempt }: { timeoutMs: number; attempt: number },
  ): Promise<boolean> {
    const turn = attempt % attemptsPerConnection;
    if (turn === attemptsUnansweredMax) {
      this.#endpoints.leave(this.#endpoints.at(), "it does not answer keep-alives");
      await this.#endpoints.pause(endMs);
    }
    const endpoint = this.#endpoints.at(turn === 1 ? 1 : 0);
    const asked = this.#asked.get(id) ?? new Set();
    this.#asked.set(id, asked.add(endpoint));
    try {
      const isThere = await this.#endpoints.attempt(
        (options) => this.#keepAlive(endpoint, leaseIdOf(id), options),
        timeoutMs,
      );
      asked.delete(endpoint);
      this.#endpoints.hear(endpoint);
      // The one in use was asked before, and is silent still.
      const first = this.#endpoints.at();
      if (attempt > 0 && asked.has(first)) this.#endpoints.leave(first, "another answers sooner");
      return isThere;
    } catch (error) {
      asked.delete(endpoint);
      this.#endpoints.checkOpen();
      if (isLeaseUnknown(error)) return false;
      if (!(error instanceof XylemError) && isPassing(error))
        this.#endpoints.leave(endpoint, error);
      throw toCoordinatorError(error, "A keep-alive was not answered");
    }
  }

  async end(id: string): Promise<void> {
    const ID = findLeaseId(id);
    for (const held of this.#held) if (held.id === id) this.#drop(held);
    if (ID === undefined) return;
    await this.#endpoints.ask("A lease was not ended", async ({ lease }, options) => {
      try {
        await lease.leaseRevoke({ ID }, options);
      } catch (error) {
        if (!isLeaseUnknown(error)) throw error;
      }
    });
  }

  async isThere(id: bigint): Promise<boolean> {
    return await this.#endpoints.ask("A lease was not looked at", (endpoint, options) => {
      return keepAlive(endpoint, id, options);
    });
  }

  /** Keeps none alive any more. */
  close(): void {
    for (const held of this.#held) this.#drop(held);
  }

  /** Between two reads of a quorum in one term no other leader can have been. */
  async #keepAlive(endpoint: EtcdEndpoint, id: bigint, options: CallOptions): Promise<boolean> {
    let before = this.#terms.get(endpoint) ?? (await readTerm(endpoint, options));
    for (let tried = 0; tried < termsMax; tried += 1) {
      if (!(await keepAlive(endpoint, id, options))) return false;
      const after = await readTerm(endpoint, options);
      this.#terms.set(endpoint, after);
      if (before === after) return true;
      before = after;
    }
    throw new XylemError("REQUEST_TIMED_OUT", "etcd changes its leader all the time");
  }

  #drop(held: HeldLease): void {
    held.abandon();
    this.#held.delete(held);
    this.#asked.delete(held.id);
  }
}

async function keepAlive(
  { lease }: EtcdEndpoint,
  ID: bigint,
  options: CallOptions,
): Promise<boolean> {
  for await (const { TTL } of lease.leaseKeepAlive(once({ ID }), options)) return TTL > 0n;
  throw new XylemError("NETWORK_EXCEPTION", "A keep-alive ended without an answer");
}

async function readTerm({ kv }: EtcdEndpoint, options: CallOptions): Promise<bigint> {
  const { header } = await kv.range({ key: anyKey }, options);
  return header?.raftTerm ?? 0n;
}

async function* once<Message>(message: Message): AsyncIterable<Message> {
  yield message;
}
