import type { StopSignal } from "../../base/stop-signal.ts";
import type { Fetch } from "../fetch/fetch.ts";

/** Answers with what there is once `signal` aborts. */
export async function runFetch(fetch: Fetch, signal: StopSignal | undefined): Promise<void> {
  const expire = (): void => fetch.expire();
  if (signal?.aborted === true) fetch.expire();
  signal?.addEventListener("abort", expire, { once: true });
  try {
    await fetch.run();
  } finally {
    signal?.removeEventListener("abort", expire);
  }
}
