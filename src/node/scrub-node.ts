import type { Broker } from "../broker/broker.ts";
import { Cancellation } from "../broker/ports/compactor.ts";
import type { VerifyTotals } from "../broker/scrub/finding.ts";
import type { ScrubReport } from "../broker/scrub/scrubbing.ts";

export interface ScrubWish {
  readonly signal: AbortSignal;
  readonly progress: (totals: VerifyTotals) => void;
}

/** Checks every batch of a topic, or of all, while they are in use, until the signal aborts. */
export async function scrubNode(
  { scrubbing }: Pick<Broker, "scrubbing">,
  topic: string | undefined,
  { signal, progress }: ScrubWish,
): Promise<ScrubReport> {
  const cancellation = new Cancellation();
  const end = (): void => cancellation.wish();
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  try {
    return await scrubbing.run(topic, { cancellation, progress });
  } finally {
    signal.removeEventListener("abort", end);
  }
}
