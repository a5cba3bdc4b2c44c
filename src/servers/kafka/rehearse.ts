import type { Rehearsal } from "../../broker/ports/rehearsal.ts";
import type { PendingRequest } from "./pending-request.ts";
import type { RequestCall } from "./request-call.ts";

/** Lets a test's rehearsal answer a request: what a handler would answer, or throw. */
export function rehearse(
  rehearsal: Rehearsal,
  request: PendingRequest,
  body: unknown,
  call: RequestCall,
): unknown {
  const { route, apiVersion, clientId } = request;
  return rehearsal.answer({
    api: route.name,
    apiVersion,
    clientId,
    remotePort: call.remotePort,
    body,
    serve: (given) => route.handle(given, call),
    refuse: (given, error) => route.answerError(given, error, apiVersion),
    hold: (until) => call.hold(until),
    disconnect: () => call.disconnect(),
  });
}
