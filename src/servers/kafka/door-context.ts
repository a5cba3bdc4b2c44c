import type { FetchBudget } from "../../broker/fetch/fetch-budget.ts";
import type { FetchSessions } from "../../broker/fetch/fetch-sessions.ts";
import type { ReadLease } from "../../broker/partition/partition-log.ts";
import type { RequestContext } from "./handler.ts";

/** A request that waits, as its connection sees it. */
export interface Waiting {
  /** Answers with what there is: the connection is about to end in good order. */
  expire(): void;
  /** Nobody will read the answer. */
  cancel(): void;
}

/** What a connection offers its handlers besides the request's own circumstances. */
export interface DoorContext extends RequestContext {
  /** These two are of all connections of this door. */
  readonly fetchBudget: FetchBudget;
  readonly fetchSessions: FetchSessions;
  /** No later request of this connection starts before `until` has settled. */
  hold(until: Promise<unknown>): void;
  /** Ends `waiting` early when the connection ends, until the returned function is called. */
  park(waiting: Waiting): () => void;
  /** Releases `lease` once the answer has left; a client that leaves first does not release it. */
  lend(lease: ReadLease): void;
  /** The client told what it is (KIP-511). */
  introduce(softwareName: string, softwareVersion: string): void;
}

/**
 * Turns one request body into one response body through a use case. No answer (acks=0): undefined.
 * An error thrown here is turned into the API's own error answer by `errors.ts`.
 */
export type DoorHandler<Request, Response> = (
  request: Request,
  context: DoorContext,
) => Response | undefined | Promise<Response | undefined>;
