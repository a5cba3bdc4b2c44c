import { BatchWalk } from "../../../log/batch-walk.ts";
import { crc32c } from "../../../codecs/native-crc32c.ts";
import type { SimulatedDisk } from "../../../simulation/simulated-disk.ts";
import type { StoredBatch } from "../history.ts";
import { keyOf, type Target } from "../world.ts";
import type { ClusterScene } from "./cluster-scene.ts";

const segmentName = /^\d{20}\.log$/;

/** Notes what each replica of a topic has in its files, as they are at this moment. */
export function noteReplicas({ world, nodes, chains }: ClusterScene): void {
  for (const topic of world.liveTopics()) {
    for (let index = 0; index < topic.partitions; index += 1) {
      const partition = keyOf({ topic, index });
      for (const { id } of chains.chains.get(partition)?.members ?? []) {
        const node = nodes.find((one) => one.id === id);
        if (node === undefined) continue;
        const batches = batchesOn(node.machine.disk, { topic, index });
        world.record({ kind: "replica", partition, nodeId: id, batches });
      }
    }
  }
}

/**
 * Whether a node has files of a partition that is elsewhere. One that waits for a hand goes
 * nowhere: who was about to join it may have the only copy that can be read.
 */
export function findLeftovers({
  world,
  nodes,
  chains,
}: Pick<ClusterScene, "world" | "nodes" | "chains">): string[] {
  const left: string[] = [];
  for (const topic of world.liveTopics()) {
    for (let index = 0; index < topic.partitions; index += 1) {
      const partition = keyOf({ topic, index });
      if (chains.waitsForHand(partition)) continue;
      const { replicas = [] } = chains.chains.get(partition) ?? {};
      const away = nodes.filter(({ id }) => replicas.length > 0 && !replicas.includes(id));
      for (const { name, machine } of away) {
        const isThere = logsOf(machine.disk, { topic, index }).length > 0;
        if (isThere) left.push(`${name} keeps ${topic.name}-${index}, which is elsewhere`);
      }
    }
  }
  return left;
}

function batchesOn(disk: SimulatedDisk, { topic, index }: Target): StoredBatch[] {
  return logsOf(disk, { topic, index }).flatMap((path) => [...batchesIn(disk.peek(path))]);
}

function logsOf(disk: SimulatedDisk, { topic, index }: Target): string[] {
  const folder = `${topic.name}-${index}/`;
  return disk
    .paths()
    .filter((path) => path.startsWith(folder) && segmentName.test(path.slice(folder.length)))
    .sort();
}

/** Each for itself: what is deleted may have rotted or be torn, and says nothing of the rest. */
function* batchesIn(bytes: Uint8Array): Generator<StoredBatch> {
  for (let at = 0; at < bytes.length;) {
    const walk = new BatchWalk(bytes, at, 0);
    if (walk.look() !== "batch" || !walk.isIntact(crc32c)) {
      at += 1;
      continue;
    }
    const { baseOffset, lastOffset, sizeBytes } = walk;
    const sum = crc32c(bytes.subarray(at, at + sizeBytes));
    yield { baseOffset, nextOffset: lastOffset + 1, sum };
    at += sizeBytes;
  }
}
