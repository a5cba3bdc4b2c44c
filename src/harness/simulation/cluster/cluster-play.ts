import { drawBetween, drawOneIn } from "../../../simulation/draw.ts";
import { forkRandom } from "../world.ts";

/** Which nodes a run has, and what beside faults befalls them. */
export interface ClusterPlay {
  /** They hold replicas from the start. */
  readonly founderCount: number;
  /** They come later, and wait for a plan. */
  readonly spareCount: number;
  readonly spareAfterMs: number;
  /** Somebody has nodes join and leave. */
  readonly hasOperator: boolean;
  /** Somebody moves partitions by Kafka's requests. */
  readonly hasReassigner: boolean;
  /** Clients ask any node, as HTTP and gRPC let them. */
  readonly hasDoors: boolean;
  /** Files beside the logs rot, get lost, or are older than they were. */
  readonly harmsSideFiles: boolean;
  /** The coordinator's state is once replaced by an older one. */
  readonly restoresCoordinator: boolean;
}

/** Each from a stream of its own: what is added to a play leaves the others as they are. */
export function drawClusterPlay(seed: number): ClusterPlay {
  const changes = forkRandom(seed, "changes of the cluster");
  const hasOperator = drawOneIn(changes, 2);
  const spareCount = hasOperator && drawOneIn(changes, 2) ? 1 : 0;
  const spareAfterMs = drawBetween(changes, 1_000, 20_000);
  const hasReassigner = drawOneIn(changes, 2);
  return {
    founderCount: drawBetween(forkRandom(seed, "size"), 3, 5),
    spareCount,
    spareAfterMs,
    hasOperator,
    hasReassigner,
    hasDoors: drawOneIn(forkRandom(seed, "doors"), 2),
    harmsSideFiles: drawOneIn(forkRandom(seed, "side files"), 2),
    restoresCoordinator: drawOneIn(forkRandom(seed, "restores"), 10),
  };
}
