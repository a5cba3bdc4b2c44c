import type { Broker } from "../../broker/broker.ts";

/** What a handler knows besides the request's body. */
export interface RequestContext {
  readonly broker: Broker;
  readonly apiVersion: number;
  readonly clientId: string;
  /** Where the client reached us and where it came from; addresses without brackets. */
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
}
