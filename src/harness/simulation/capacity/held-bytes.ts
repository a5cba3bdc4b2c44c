import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What the heap holds once the garbage is gone. */
export function heldBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}
