import type { IncomingMessage, ServerResponse } from "node:http";
import type { RehearsedCall } from "../../broker/ports/rehearsal.ts";

interface CallActions {
  readonly path: string;
  readonly serve: RehearsedCall["serve"];
  readonly refuse: RehearsedCall["refuse"];
}

/** A request in the form in which a test's rehearsal takes it. */
export function asRehearsedCall(
  request: IncomingMessage,
  response: ServerResponse,
  { path, serve, refuse }: CallActions,
): RehearsedCall {
  const disconnect = (): void => cut(response);
  return {
    method: request.method ?? "GET",
    path,
    serve,
    refuse,
    disconnect,
    serveUnanswered: () => {
      dropAnswer(response, disconnect);
      serve();
    },
    onAnswered: (listener) => void response.once("finish", () => listener(response.statusCode)),
  };
}

/** The connection, or of HTTP/2 the stream. */
function cut(response: ServerResponse): void {
  const { stream } = response as { readonly stream?: { destroy(): void } };
  if (stream === undefined) response.destroy();
  else stream.destroy();
}

/** Takes all that is answered for sent, and calls `ended` with its end. */
function dropAnswer(response: ServerResponse, ended: () => void): void {
  response.writeHead = () => response;
  response.write = () => true;
  response.end = () => {
    ended();
    return response;
  };
}
