import { XylemError } from "../base/errors.ts";

/** Undefined: no node runs there; "silent": one that does not answer, such as a paused one. */
export type NodeAnswer = { readonly line: string } | "silent" | undefined;

/** Asks the node that holds a data directory. */
export async function askNode(data: string, command: "ping" | "stop"): Promise<NodeAnswer> {
  const { askHolder } = await import("../storage/directory-lock.ts");
  try {
    const line = await askHolder(data, command);
    return line === undefined ? undefined : { line };
  } catch (error) {
    if (error instanceof XylemError && error.code === "REQUEST_TIMED_OUT") return "silent";
    throw error;
  }
}
