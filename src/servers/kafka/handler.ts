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
  /** Aborts when the connection closes. */
  readonly signal: AbortSignal;
}

/**
 * Turns one request body into one response body through a use case. No answer (acks=0): undefined.
 * An error thrown here is turned into the API's own error answer by `errors.ts`.
 */
export type Handler<Request, Response> = (
  request: Request,
  context: RequestContext,
) => Response | undefined | Promise<Response | undefined>;
