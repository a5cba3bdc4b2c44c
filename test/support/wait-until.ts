import { setTimeout as sleep } from "node:timers/promises";

/** Asks again and again until `holds` answers true; fails with `what` after `timeoutMs`. */
export async function waitUntil(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadlineMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(50);
  }
}
