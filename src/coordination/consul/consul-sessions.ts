import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import { HeldLease, type LeaseKeeper } from "../../broker/leases/held-lease.ts";
import type { ConsulAgents } from "./consul-agents.ts";
import { isPassing, toCoordinatorError } from "./consul-failure.ts";
import { asList } from "./consul-keys.ts";
import { notFound } from "./consul-read.ts";

export interface ConsulSessionsOptions {
  readonly agents: ConsulAgents;
  readonly clock: Clock;
  /** What people see beside a session. */
  readonly name: string;
  /** The shortest that Consul grants. */
  readonly ttlMsMin: number;
}

/** Consul ends a session between its time and this many times that. */
const overtimeMax = 2;
const sessionId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Leases as sessions of Consul that depend on nothing but their time: no health check of an agent
 * ends them. Consul lets them run on for up to twice their time, which it counts anew when its
 * leader changes.
 */
export class ConsulSessions implements LeaseKeeper {
  readonly #agents: ConsulAgents;
  readonly #clock: Clock;
  readonly #name: string;
  readonly #ttlMsMin: number;
  readonly #held = new Set<HeldLease>();

  constructor({ agents, clock, name, ttlMsMin }: ConsulSessionsOptions) {
    this.#agents = agents;
    this.#clock = clock;
    this.#name = name;
    this.#ttlMsMin = ttlMsMin;
  }

  lastsMs(askedMs: number): number {
    return this.#ttlMsOf(askedMs) * overtimeMax;
  }

  /** A session whose answer is lost runs out by itself. */
  async grant(askedMs: number): Promise<HeldLease> {
    const ttlMs = this.#ttlMsOf(askedMs);
    const body = {
      Name: this.#name,
      TTL: `${ttlMs}ms`,
      Behavior: "delete",
      LockDelay: "0s",
      NodeChecks: [],
      // Read by Consul before 1.7.
      Checks: [],
    };
    const request = { path: "session/create", body };
    const answer = await this.#agents.ask("A lease was not granted", request);
    this.#agents.checkOpen();
    const { ID: id } = answer.body as { readonly ID: string };
    const { sentMs } = answer;
    const held = new HeldLease({ id, ttlMs, sentMs }, this, this.#clock);
    this.#held.add(held);
    held.onLost(() => this.#held.delete(held));
    return held;
  }

  /**
   * A leader of Consul's renews by itself, also one that another has replaced: it counts only if a
   * quorum stands behind who is asked, afterwards. One that is new in office may not know sessions
   * yet, and says that there is none: only a consistent read tells that it is gone.
   */
  async renew(
    id: string,
    { timeoutMs, attempt }: { timeoutMs: number; attempt: number },
  ): Promise<boolean> {
    const agent = this.#agents.at(attempt);
    const options = { timeoutMs };
    const alsoTaken = [notFound];
    try {
      const path = `session/renew/${id}`;
      const renewed = await this.#agents.attempt(agent, { path, body: {}, alsoTaken }, options);
      const info = { path: `session/info/${id}?consistent` };
      const { body } = await this.#agents.attempt(agent, info, options);
      if (asList(body).length === 0) return false;
      if (renewed.status !== notFound) return true;
      throw new XylemError("REQUEST_TIMED_OUT", "A session was there, and not renewed");
    } catch (error) {
      this.#agents.checkOpen();
      if (isPassing(error)) this.#agents.leave(agent, error);
      throw toCoordinatorError(error, "A keep-alive was not answered");
    }
  }

  async end(id: string): Promise<void> {
    for (const held of this.#held) if (held.id === id) this.#drop(held);
    if (!sessionId.test(id)) return;
    await this.#agents.ask("A lease was not ended", { path: `session/destroy/${id}`, body: {} });
  }

  /** Keeps none alive any more. */
  close(): void {
    for (const held of this.#held) this.#drop(held);
  }

  #ttlMsOf(askedMs: number): number {
    return Math.max(this.#ttlMsMin, Math.ceil(askedMs));
  }

  #drop(held: HeldLease): void {
    held.abandon();
    this.#held.delete(held);
  }
}
