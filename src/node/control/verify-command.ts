import { Cancellation } from "../../broker/ports/compactor.ts";
import { command } from "./command.ts";
import { optional, text } from "./input.ts";

/** Checks every batch of a topic, or of all, while they are in use. */
export const verifyCommand = command(
  { topic: optional(text) },
  async ({ topic }, { broker, signal, progress }) => {
    const cancellation = new Cancellation();
    const end = (): void => cancellation.wish();
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    try {
      return await broker.scrubbing.run(topic, { cancellation, progress });
    } finally {
      signal.removeEventListener("abort", end);
    }
  },
);
