import { residentMiB } from "../process-usage.ts";
import type { Scenario } from "../scenario.ts";

const settledAfterMs = 2_000;

/** From the start of a process on an empty directory to its ready line, then at rest. */
export const startUp: Scenario = {
  name: "start of a process on an empty directory",
  needsJava: false,
  figures: ["ms to ready", "idle RSS MiB"],
  isHigherBetter: false,
  isWarmedUp: false,
  async measure({ startAnother }) {
    const started = await startAnother();
    await new Promise((resolve) => setTimeout(resolve, settledAfterMs));
    const figures = { "ms to ready": started.launchMs, "idle RSS MiB": residentMiB(started.pid) };
    await started.stop();
    return figures;
  },
};
