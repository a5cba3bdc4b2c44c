import { XylemError } from "../../base/errors.ts";
import { command } from "./command.ts";
import { flag, optional, wholeNumber } from "./input.ts";

export const finalizeClusterCommand = command(
  { level: optional(wholeNumber), validateOnly: flag },
  async ({ level, validateOnly }, { broker: { cluster } }) => {
    if (cluster === undefined) {
      throw new XylemError("INVALID_REQUEST", "a node by itself has no feature level");
    }
    return await cluster.finalize(level, { validateOnly });
  },
);
