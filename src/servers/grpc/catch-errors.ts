import type { Interceptor } from "@connectrpc/connect";
import type { Log } from "../../base/log.ts";
import { toConnectError } from "./errors.ts";

/** Turns what handlers throw into statuses, at once or in the middle of a stream. */
export function catchErrors(log: Log): Interceptor {
  return (next) => async (request) => {
    try {
      const response = await next(request);
      if (!response.stream) return response;
      return { ...response, message: caught(response.message, log, idOf(request)) };
    } catch (error) {
      throw toConnectError(error, log, idOf(request));
    }
  };
}

/** The HTTP door, which carries calls, has named each. */
function idOf({ header }: { readonly header: Headers }): string {
  return header.get("x-request-id") ?? "";
}

async function* caught<T>(
  messages: AsyncIterable<T>,
  log: Log,
  request: string,
): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw toConnectError(error, log, request);
  }
}
