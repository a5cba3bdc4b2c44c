import { XylemError } from "../../base/errors.ts";
import type { PeerLinks } from "./peer-links.ts";

/** Time for a link to a node that there is none to. */
const linkTimeoutMs = 2_000;
const nothing = new Uint8Array(0);

/**
 * Before a call: it would wait for a link as long as for its answer, too long for a node that died.
 * Where there is no link the node is asked `hello`, which it serves, and says nothing by. Throws
 * BROKER_NOT_AVAILABLE, whatever befell that: nothing else was asked.
 */
export async function reachNode(links: PeerLinks, nodeId: number, hello: string): Promise<void> {
  if (links.find(nodeId) !== undefined) return;
  try {
    await links.call(nodeId, hello, nothing, linkTimeoutMs);
  } catch (error) {
    const { message } = error as Error;
    throw new XylemError("BROKER_NOT_AVAILABLE", message, { cause: error });
  }
}
