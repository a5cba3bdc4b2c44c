import { XylemError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { NodeSettings } from "../base/settings/node-settings.ts";
import { decodeUtf8 } from "../base/text.ts";
import {
  readClusterNote,
  removeClusterNote,
  storeClusterNote,
} from "../broker/cluster/membership/cluster-note.ts";
import { movingInKey } from "../broker/cluster/membership/agree-on-cluster-id.ts";
import { knownLevels } from "../broker/cluster/feature-level.ts";
import { LineageFile } from "../broker/cluster/membership/lineage-file.ts";
import { type PlannedMove, planMoveIn } from "../broker/cluster/move-in/plan-move-in.ts";
import {
  type MoveProgress,
  type MovingNode,
  undoMoveIn,
  writeMoveIn,
} from "../broker/cluster/move-in/write-move-in.ts";
import { isOwnStop } from "../broker/partition/directory/clean-marker.ts";
import { readMeta } from "../broker/partition/directory/directory-meta.ts";
import { epochsFileName } from "../broker/partition/partition-folder.ts";
import { formatPartitionName } from "../broker/partition/partition-name.ts";
import type { Coordinator } from "../broker/ports/coordinator.ts";
import type { Disk } from "../broker/ports/disk.ts";
import { crc32c } from "../codecs/native-crc32c.ts";
import { LocalCoordinator } from "../coordination/local/local-coordinator.ts";
import { LeaderEpochs } from "../log/leader-epochs.ts";
import type { MetaProperties } from "../log/meta-properties.ts";
import { FilesDisk } from "../storage/files-disk.ts";
import { openCoordinator, readBootId } from "./open-cluster.ts";
import { StartSteps } from "./start-steps.ts";
import { systemClock } from "./system-clock.ts";
import { SystemRandom } from "./system-random.ts";

export interface MoveIn {
  readonly settings: NodeSettings;
  readonly log: Log;
  readonly progress: MoveProgress;
  /** Taken in place of what the settings name; its owner closes it. */
  readonly coordinator?: Coordinator;
  /** Likewise in place of the data directory. */
  readonly disk?: Disk;
}

/** What was moved. */
export type MoveReport = Pick<PlannedMove, "topics" | "partitions"> & { readonly entries: number };

/**
 * Moves all that the stopped node of a data directory kept besides its logs into the coordinator of
 * a cluster that is not there yet; the caller holds the directory's lock. Its logs stay where they
 * are: the node started with that coordinator serves them. What was cut short goes on, even if only
 * the directory's own note was missing. Throws INVALID_REQUEST.
 */
export function moveIn(options: MoveIn): Promise<MoveReport> {
  return withTarget(options, async (target, disk) => {
    const { settings, log, progress } = options;
    const node = await readNode(disk);
    const clusterName = settings["cluster.name"];
    const noted = await readClusterNote(disk);
    if (noted?.isMovingIn === false) {
      const what = `the data directory is of cluster "${noted.clusterName}" already`;
      const detail = `${what}: start it with the setting coordinator`;
      throw new XylemError("INVALID_REQUEST", detail);
    }
    const planned = await planFrom(disk, node, log);
    // A coordinator that is not there leaves the node as it is.
    await target.read(movingInKey);
    // From here on it does not start by itself: what it changed then would not be there.
    const note = { clusterName, clusterId: node.clusterId };
    await storeClusterNote(disk, { ...note, isMovingIn: true });
    const isPending = noted !== undefined;
    const how = { node, progress, isPending };
    await writeMoveIn(target, planned.values, how).catch(async (error: unknown) => {
      const isRefused = error instanceof XylemError && error.code === "INVALID_REQUEST";
      if (isRefused && !isPending) await removeClusterNote(disk);
      throw error;
    });
    await storeClusterNote(disk, { ...note, isMovingIn: false });
    const { topics, partitions, values } = planned;
    return { topics, partitions, entries: values.size };
  });
}

/** Takes back a move that was cut short; the node is by itself again. Throws INVALID_REQUEST. */
export function undoMove(options: MoveIn): Promise<void> {
  return withTarget(options, async (target, disk) => {
    const noted = await readClusterNote(disk);
    if (noted?.isMovingIn !== true) {
      throw new XylemError("INVALID_REQUEST", "no move of this data directory was cut short");
    }
    await undoMoveIn(target, await readNode(disk));
    await removeClusterNote(disk);
  });
}

async function withTarget<T>(
  { settings, log, ...given }: MoveIn,
  work: (target: Coordinator, disk: Disk) => Promise<T>,
): Promise<T> {
  const disk = given.disk ?? new FilesDisk(settings.data);
  const steps = new StartSteps(log);
  const random = new SystemRandom();
  const parts = { settings, disk, clock: systemClock, random, log, onReplaced: () => undefined };
  const target = await openCoordinator(steps, parts, given.coordinator);
  try {
    return await work(target, disk);
  } finally {
    await steps.stop();
  }
}

async function readNode(disk: Disk): Promise<MetaProperties & MovingNode> {
  const meta = await readMeta(disk);
  if (meta === undefined) {
    throw new XylemError("INVALID_REQUEST", "it is no data directory: no meta.properties");
  }
  if (!(await isOwnStop(disk))) {
    const how = "start the node once more and stop it, so that its logs are whole";
    throw new XylemError("INVALID_REQUEST", `the node was not stopped in order: ${how}`);
  }
  return { ...meta, level: knownLevels.most };
}

async function planFrom(disk: Disk, node: MovingNode, log: Log): Promise<PlannedMove> {
  const random = new SystemRandom();
  const options = { disk, random, bootId: readBootId(), wasClean: true, log };
  const file = await LineageFile.open(options);
  const local = await LocalCoordinator.open({ disk, crc32c, log });
  const { entries } = await local.read("");
  await local.close();
  const folders = new Set((await disk.list("")).map(({ name }) => name));
  return await planMoveIn({
    nodeId: node.nodeId,
    lineage: file.lineages.os,
    entries,
    latestEpochOf: (topic, index) => {
      const folder = formatPartitionName(topic, index);
      return folders.has(folder) ? readLatestEpoch(disk, folder) : Promise.resolve(-1);
    },
  });
}

async function readLatestEpoch(disk: Disk, folder: string): Promise<number> {
  const bytes = await disk.readFile(`${folder}/${epochsFileName}`);
  if (bytes !== undefined) return LeaderEpochs.parse(decodeUtf8(bytes)).latest;
  const entries = await disk.list(folder);
  if (entries.every(({ name, sizeBytes }) => !name.endsWith(".log") || sizeBytes === 0)) return -1;
  const how = "start the node once more and stop it";
  throw new XylemError("INVALID_REQUEST", `${folder} does not say which epochs it has: ${how}`);
}
