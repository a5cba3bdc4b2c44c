import { XylemError } from "../../../base/errors.ts";
import { decodeUtf8, encodeUtf8 } from "../../../base/text.ts";
import { readMeta } from "../../partition/directory/directory-meta.ts";
import { replaceFile } from "../../partition/directory/replace-file.ts";
import type { Disk } from "../../ports/disk.ts";

const place = { directory: "", name: "xylem.cluster" };
/** What a node by itself keeps its topics in. */
const localStateName = "xylem-coordinator.log";

/** Which cluster a data directory belongs to; a directory without one is a node by itself. */
export interface ClusterNote {
  readonly clusterName: string;
  readonly clusterId: string;
  /** It may not have come there whole. */
  readonly isMovingIn: boolean;
}

/** One that does not parse says at least that there is a cluster. */
export async function readClusterNote(disk: Disk): Promise<ClusterNote | undefined> {
  const bytes = await disk.readFile(place.name);
  if (bytes === undefined) return undefined;
  try {
    const { clusterName, clusterId, isMovingIn } = JSON.parse(decodeUtf8(bytes)) as ClusterNote;
    return { clusterName, clusterId, isMovingIn };
  } catch {
    return { clusterName: "", clusterId: "", isMovingIn: false };
  }
}

export async function storeClusterNote(disk: Disk, note: ClusterNote): Promise<void> {
  await replaceFile(disk, place, encodeUtf8(`${JSON.stringify(note)}\n`));
}

export async function removeClusterNote(disk: Disk): Promise<void> {
  await disk.remove(place.name);
  await disk.syncDirectory(place.directory);
}

/** The id of the cluster that a data directory belongs to; undefined: it is of none yet. */
export async function readOwnClusterId(disk: Disk): Promise<string | undefined> {
  if ((await readClusterNote(disk)) === undefined) return undefined;
  return (await readMeta(disk))?.clusterId;
}

/** A node by itself would make topics of what others have newer. Throws INVALID_CONFIG. */
export async function checkAlone(disk: Disk): Promise<void> {
  const note = await readClusterNote(disk);
  if (note === undefined) return;
  const whose = `the data directory belongs to cluster "${note.clusterName}"`;
  const how = note.isMovingIn
    ? "it is being moved there: run `xylem cluster init --from-local` again, or with --undo"
    : "start it with the setting coordinator";
  throw new XylemError("INVALID_CONFIG", `${whose}; ${how}`);
}

/** The topics of a node by itself are nowhere in a cluster before they are moved there. */
export async function checkMovedIn(disk: Disk): Promise<void> {
  if ((await readClusterNote(disk)) !== undefined) return;
  if ((await disk.readFile(localStateName)) === undefined) return;
  const how = "move it into the cluster with `xylem cluster init --from-local`";
  throw new XylemError("INVALID_CONFIG", `the data directory is that of a node by itself; ${how}`);
}
