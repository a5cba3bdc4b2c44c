import { XylemError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { formatUuid, makeUuid } from "../base/uuid.ts";
import { takeNodeId } from "../broker/cluster/membership/take-node-id.ts";
import { readMeta } from "../broker/partition/directory/directory-meta.ts";
import type { Coordinator } from "../broker/ports/coordinator.ts";
import type { Disk } from "../broker/ports/disk.ts";

/** Of the setting `node.id`: the data directory's, or one that the cluster has to give. */
export const takenNodeId = -1;

/** The number of a cluster's node, which the data directory keeps from then on. */
export async function findNodeId(
  wanted: number,
  place: { readonly disk: Disk; readonly coordinator: Coordinator; readonly random: Random },
): Promise<number> {
  if (wanted !== takenNodeId) return wanted;
  const { disk, coordinator, random } = place;
  const meta = await readMeta(disk);
  return meta?.nodeId ?? (await takeNodeId(coordinator, formatUuid(makeUuid(random))));
}

/** A node by itself has nobody to ask. Throws INVALID_CONFIG. */
export function checkNodeId(wanted: number): void {
  if (wanted !== takenNodeId) return;
  throw new XylemError("INVALID_CONFIG", `node.id ${takenNodeId} is for the node of a cluster`);
}
