import type { Broker } from "../../broker/broker.ts";
import type { FetchBudget } from "../../broker/fetch/fetch-budget.ts";
import type { FetchSessions } from "../../broker/fetch/fetch-sessions.ts";
import type { ReadLease } from "../../broker/partition/partition-log.ts";
import type { DoorContext, Waiting } from "./door-context.ts";
import type { PendingRequest } from "./pending-request.ts";

/** The side of a connection that its requests see. */
export interface CallSide {
  readonly broker: Broker;
  readonly fetchBudget: FetchBudget;
  readonly fetchSessions: FetchSessions;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  hold(until: Promise<unknown>): void;
  park(waiting: Waiting): () => void;
  introduce(softwareName: string, softwareVersion: string): void;
  destroy(): void;
}

/** One request's context. */
export class RequestCall implements DoorContext {
  readonly broker: Broker;
  readonly apiVersion: number;
  readonly clientId: string;
  readonly #request: PendingRequest;
  readonly #side: CallSide;

  constructor(request: PendingRequest, side: CallSide) {
    this.broker = side.broker;
    this.apiVersion = request.apiVersion;
    this.clientId = request.clientId;
    this.#request = request;
    this.#side = side;
  }

  get fetchBudget(): FetchBudget {
    return this.#side.fetchBudget;
  }

  get fetchSessions(): FetchSessions {
    return this.#side.fetchSessions;
  }

  get localAddress(): string {
    return this.#side.localAddress;
  }

  get localPort(): number {
    return this.#side.localPort;
  }

  get remoteAddress(): string {
    return this.#side.remoteAddress;
  }

  get remotePort(): number {
    return this.#side.remotePort;
  }

  /** Ends the connection at once. */
  disconnect(): void {
    this.#side.destroy();
  }

  hold(until: Promise<unknown>): void {
    this.#side.hold(until);
  }

  park(waiting: Waiting): () => void {
    return this.#side.park(waiting);
  }

  lend(lease: ReadLease): void {
    this.#request.leases.push(lease);
  }

  introduce(softwareName: string, softwareVersion: string): void {
    this.#side.introduce(softwareName, softwareVersion);
  }
}
