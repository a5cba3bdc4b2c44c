import type { Broker } from "../../broker/broker.ts";
import type { SnapshotReport, SnapshotWatch } from "../../broker/copies/snapshots.ts";
import { crc32c } from "../../codecs/native-crc32c.ts";
import { LocalCoordinator } from "../../coordination/local/local-coordinator.ts";
import { fillEmpty } from "./empty-target.ts";

/** Takes a snapshot of a running node into a directory that is empty or not there yet. */
export async function snapshotNode(
  { snapshots, settings, log }: Pick<Broker, "snapshots" | "settings" | "log">,
  path: string,
  watch: SnapshotWatch,
): Promise<SnapshotReport> {
  const source = settings.memory ? undefined : settings.data;
  const report = await fillEmpty(path, source, (disk) => {
    const openCoordinator = () => LocalCoordinator.open({ disk, crc32c, log });
    return snapshots.take({ disk, openCoordinator }, watch);
  });
  log.info("took a snapshot", { directory: path, ...report });
  return report;
}
