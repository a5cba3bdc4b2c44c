import { askNode } from "./ask-node.ts";
import { CommandFailure, exitCodes } from "./exit-codes.ts";

/**
 * Locks the data directory of a stopped node: none may start meanwhile. Where nothing can be
 * written none can, and no lock is needed.
 */
export async function holdStopped(data: string, onStop: () => void) {
  const { access, constants, stat } = await import("node:fs/promises");
  const { systemCode } = await import("../storage/disk-error.ts");
  const found = await stat(data).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new CommandFailure(`there is no data directory ${data}`, exitCodes.usage);
  }
  if ((await askNode(data, "ping")) !== undefined) {
    throw new CommandFailure(`a node uses ${data}: stop it first (xylem stop)`, exitCodes.inUse);
  }
  try {
    await access(data, constants.W_OK);
    const { lockDirectory } = await import("../storage/directory-lock.ts");
    return await lockDirectory(data, { onStop });
  } catch (error) {
    if (systemCode(error) === "EROFS") return undefined;
    const isHeld = (await askNode(data, "ping")) !== undefined;
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(reason, isHeld ? exitCodes.inUse : exitCodes.failed, error);
  }
}
