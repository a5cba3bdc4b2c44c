import { CommandFailure, exitCodes } from "../exit-codes.ts";
import type { BrokerOptions } from "../kafka-clients.ts";

/** The address of the HTTP door: `--bootstrap` as it is for every door, or a URL. */
export function urlOf({ bootstrap }: BrokerOptions): string {
  const [first = ""] = bootstrap.split(",");
  return /^https?:\/\//.test(first) ? first.replace(/\/+$/, "") : `http://${first.trim()}`;
}

/**
 * Calls the HTTP door. Throws CommandFailure with the detail and code of the problem document, or
 * when nobody answers; what `signal` ends throws its reason.
 */
export async function callHttp(
  options: BrokerOptions,
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(urlOf(options) + path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw unreachable(options, error);
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as { detail?: string; code?: string };
  const { detail = `${response.status} ${response.statusText}`, code } = problem;
  const text = code === undefined ? detail : `${detail} (${code})`;
  throw new CommandFailure(text, exitCodes.failed, problem);
}

export function unreachable({ bootstrap }: BrokerOptions, cause: unknown): CommandFailure {
  const { code } = ((cause as Error).cause ?? cause) as { code?: unknown };
  const reason = typeof code === "string" ? ` (${code})` : "";
  return new CommandFailure(
    `no broker answers at ${bootstrap}${reason}`,
    exitCodes.unreachable,
    cause,
  );
}

export function recordsPath(topic: string): string {
  return `/v1/topics/${encodeURIComponent(topic)}/records`;
}
