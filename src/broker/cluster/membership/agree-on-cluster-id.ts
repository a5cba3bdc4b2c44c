import { XylemError } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import { formatUuid, makeUuid } from "../../../base/uuid.ts";
import type { Coordinator } from "../../ports/coordinator.ts";
import { readEntry } from "../../ports/read-entry.ts";
import { featuresKey, formatFeatures } from "../feature-level.ts";

export const clusterIdKey = "cluster-id";
/** There while a node by itself is moved in: until all of it is here, nobody is to see any. */
export const movingInKey = "moving-in";

export interface WantedCluster {
  /** "": the one that it has; a new one gets a random one. */
  readonly id: string;
  /** The feature level that a new cluster begins at. */
  readonly level: number;
  /** That of this node's data directory, if it belongs to a cluster. */
  readonly ownId?: string | undefined;
}

/**
 * The id that the cluster has; a cluster that is not there yet is made. Throws
 * INCONSISTENT_CLUSTER_ID when it has another one, or none where this node is of a cluster already:
 * nothing is written then; INVALID_CONFIG while it is being made of a node.
 */
export async function agreeOnClusterId(
  coordinator: Coordinator,
  wanted: WantedCluster,
  random: Random,
): Promise<string> {
  for (;;) {
    const found = (await readEntry(coordinator, clusterIdKey))?.value;
    if (found === undefined) {
      await makeCluster(coordinator, wanted, random);
      continue;
    }
    if (wanted.id === "" || wanted.id === found) return found;
    const detail = `the cluster's id is ${found}, cluster.id says ${wanted.id}`;
    throw new XylemError("INCONSISTENT_CLUSTER_ID", detail);
  }
}

async function makeCluster(
  coordinator: Coordinator,
  { id, level, ownId }: WantedCluster,
  random: Random,
): Promise<void> {
  if ((await readEntry(coordinator, movingInKey)) !== undefined) {
    const how = "run `xylem cluster init --from-local` there again, or with --undo";
    throw new XylemError("INVALID_CONFIG", `a node is being moved into this cluster: ${how}`);
  }
  if (ownId !== undefined) throw lost(ownId);
  const value = id === "" ? formatUuid(makeUuid(random)) : id;
  // Of several first nodes one wins, and all look again.
  await coordinator.transact(
    [clusterIdKey, featuresKey, movingInKey].map((key) => ({ key, revision: 0 })),
    [
      { key: clusterIdKey, value },
      { key: featuresKey, value: formatFeatures(level) },
    ],
  );
}

function lost(id: string): XylemError {
  const how = "is it the right one, with the right cluster.name? else bring back its backup";
  const detail = `the data directory is of cluster ${id}, and the coordinator knows no cluster`;
  return new XylemError("INCONSISTENT_CLUSTER_ID", `${detail}: ${how}`);
}
