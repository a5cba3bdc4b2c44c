import { snapshotNode } from "../copies/snapshot-node.ts";
import { command } from "./command.ts";
import { text } from "./input.ts";

/** Takes a snapshot of the node; `to` is an absolute path. */
export const snapshotCommand = command(
  { to: text },
  async ({ to }, { broker, signal, progress }) =>
    await snapshotNode(broker, to, { signal, progress }),
);
