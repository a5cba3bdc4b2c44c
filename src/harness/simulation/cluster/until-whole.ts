import type { ChainConfig } from "../../../replication/chain-config.ts";
import type { PartitionKey } from "../history.ts";
import type { World } from "../world.ts";
import type { ClusterScene } from "./cluster-scene.ts";

/** After the faults every chain has all its replicas again within this time. */
const wholeMsMax = 120_000;
const lookMs = 250;

/** Waits until every chain is whole; notes those that do not become so. */
export async function untilWhole({ world, chains, nodes }: ClusterScene): Promise<void> {
  const isUp = (id: number, incarnation: string): boolean => {
    const cluster = nodes.find((node) => node.id === id)?.process?.broker?.cluster;
    return cluster?.incarnation === incarnation;
  };
  const isWhole = ({ members, replicas, joining, target }: ChainConfig): boolean =>
    members.length === replicas.length &&
    joining.length === 0 &&
    target === undefined &&
    members.every(({ id, incarnation }) => isUp(id, incarnation));
  const endMs = world.clock.monotonicMs() + wholeMsMax;
  for (;;) {
    const broken = [...chains.chains].filter(
      ([key, config]) => !isWhole(config) && !chains.waitsForHand(key) && !isGoing(world, key),
    );
    if (broken.length === 0) return;
    if (world.clock.monotonicMs() > endMs) {
      for (const [partition, { epoch, members }] of broken) {
        const left = members.map(({ id }) => id).join(" ");
        const what = `${partition} is not whole: epoch ${epoch}, members ${left}`;
        world.record({ kind: "stuck", what });
      }
      return;
    }
    await world.sleep(lookMs);
  }
}

/** Of a topic that was asked to be deleted, and may be back by a backup: nobody counts on it. */
export function isGoing({ topics }: World, partition: PartitionKey): boolean {
  return topics.some((topic) => topic.isGoing && partition.startsWith(`${topic.key}-`));
}
