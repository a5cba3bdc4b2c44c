import { copyDirectory, type DirectoryCopyReport } from "../../broker/copies/copy-directory.ts";
import { FilesDisk } from "../../storage/files-disk.ts";
import { SystemRandom } from "../system-random.ts";
import { fillEmpty } from "./empty-target.ts";

export interface Restore {
  /** A snapshot, or the data directory of a stopped node. */
  readonly from: string;
  /** Empty, or not there yet. */
  readonly to: string;
  /** The copy gets a cluster id of its own. */
  readonly renewIds: boolean;
}

/** Makes a data directory out of another one that no node uses. */
export async function restoreDirectory({
  from,
  to,
  renewIds,
}: Restore): Promise<DirectoryCopyReport> {
  const source = new FilesDisk(from);
  const renewedBy = renewIds ? new SystemRandom() : undefined;
  return await fillEmpty(to, from, (target) => copyDirectory({ source, target, renewedBy }));
}
