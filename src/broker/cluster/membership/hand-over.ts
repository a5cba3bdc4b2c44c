import type { Clock } from "../../../base/clock.ts";
import type { Log } from "../../../base/log.ts";
import { parseUuid } from "../../../base/uuid.ts";
import { type ChainConfig, chainsPrefix, roleOf } from "../../../replication/chain-config.ts";
import type { Topics } from "../../topics/topics.ts";
import type { Cluster } from "../cluster.ts";

export interface HandOverOptions {
  readonly cluster: Cluster;
  readonly topics: Pick<Topics, "findById">;
  readonly clock: Clock;
  readonly log: Log;
  /** After it the node stops all the same: the others notice by themselves. */
  readonly timeoutMs: number;
}

/**
 * A node that is about to stop says so, and waits until the others go on without it wherever they
 * are enough for that: clients find the new heads while this node still answers.
 */
export async function handOver(options: HandOverOptions): Promise<void> {
  const { cluster, clock, log, timeoutMs } = options;
  const { image, membership } = cluster;
  if (timeoutMs === 0 || membership.lease === undefined) return;
  const left = new Set<string>();
  const look = (key: string): void => {
    const config = image.chains.get(key)?.config;
    if (config !== undefined && isToBeLeft(options, key, config)) left.add(key);
    else left.delete(key);
  };
  const lookAtAll = (): void => {
    for (const key of image.chains.keys()) look(key);
  };
  lookAtAll();
  if (left.size === 0) return;
  const done = Promise.withResolvers<void>();
  const cancel = clock.schedule(timeoutMs, () => {
    log.warn("the node stops before others have taken over", { partitions: left.size });
    done.resolve();
  });
  const leave = cluster.onImage(({ nodesChanged, chains }) => {
    if (nodesChanged) lookAtAll();
    else for (const key of chains) look(key);
    if (left.size === 0) done.resolve();
  });
  membership.announce({ isDraining: true }).catch((error: Error) => {
    log.warn("the cluster was not told that this node stops", { why: error.message });
    done.resolve();
  });
  await done.promise;
  leave();
  cancel();
}

/** Whether its controller takes this node out of a chain; as the rules of the controller say. */
function isToBeLeft(
  { cluster, topics }: HandOverOptions,
  key: string,
  config: ChainConfig,
): boolean {
  const { image, nodeId: id, incarnation } = cluster;
  const role = roleOf(config, { id, incarnation });
  if (role === "outsider" || role === "joiner") return false;
  const [topicId = ""] = key.slice(chainsPrefix.length).split("/");
  const replicasMin = topics.findById(parseUuid(topicId))?.settings["min.insync.replicas"] ?? 1;
  if (config.members.length <= Math.max(1, replicasMin)) return false;
  return config.members.some((member) => {
    return member.id !== id && image.has(member) && image.node(member.id)?.isDraining === false;
  });
}
