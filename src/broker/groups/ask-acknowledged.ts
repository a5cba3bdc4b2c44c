import type { Broker } from "../broker.ts";
import type { NodeTold } from "../forwarding/forwarding.ts";
import type { AcknowledgedTopic } from "../retention/acknowledging.ts";
import {
  acknowledgedOffsets,
  askedTopic,
  type AskedTopic,
  type PassedOffsets,
} from "./acknowledged-offsets.ts";
import type { GroupCoordinator } from "./group-coordinator.ts";

/** What the groups of one node have passed. */
export interface PassedHere {
  /** Partitions of `__consumer_offsets` that there are, as far as this node knows. */
  readonly shardCount: number;
  /** Those whose groups are told of. */
  readonly shards: readonly number[];
  /** Of each topic that was asked for. */
  readonly topics: readonly PassedOffsets[];
}

type Parts = Pick<Broker, "cluster" | "forwarding" | "identity" | "log"> & {
  readonly groups: GroupCoordinator;
};

/** How long another node may take for it: a pass of retention waits. */
const timeoutMs = 5_000;
/** Of what is missing, in the log. */
const namedMax = 10;

/**
 * As `acknowledgedOffsets`, of each of these topics. In a cluster each node is asked for the groups
 * that it coordinates. Undefined: some may be missing, because their node does not answer, or they
 * are not loaded; then nobody knows what all have passed. The log says so.
 */
export async function askAcknowledged(
  parts: Parts,
  topics: readonly AcknowledgedTopic[],
): Promise<readonly (readonly number[])[] | undefined> {
  const asked = topics.map(askedTopic);
  const nodes = await askNodes(parts, asked);
  const answers = nodes.flatMap((one) => ("told" in one ? [one.told] : []));
  const known = new Set(answers.flatMap(({ shards }) => shards));
  const shardCount = Math.max(0, ...answers.map((answer) => answer.shardCount));
  const missing = Array.from({ length: shardCount }, (_, at) => at).filter((at) => !known.has(at));
  if (missing.length === 0) {
    return asked.map((topic, at) => {
      const passed = answers.flatMap((answer) => answer.topics[at] ?? []);
      return acknowledgedOffsets(topic, passed);
    });
  }
  const silent = nodes.flatMap((one) =>
    "failure" in one ? [`node ${one.id}: ${one.failure.message}`] : [],
  );
  parts.log.warn("records are kept: not all groups could tell what they have acknowledged", {
    topics: listed(topics.map(({ name }) => name)),
    groupPartitions: listed(missing),
    silent: silent.length === 0 ? undefined : listed(silent),
  });
  return undefined;
}

async function askNodes(
  { groups, forwarding, cluster, identity }: Parts,
  topics: readonly AskedTopic[],
): Promise<readonly NodeTold<PassedHere>[]> {
  const here = (): PassedHere => groups.passed(topics);
  if (forwarding === undefined) return [{ id: identity.nodeId, told: here() }];
  const work = { use: "passed", ask: { topics }, here, timeoutMs } as const;
  return await forwarding.eachNode({ cluster, identity }, work);
}

function listed(all: readonly (string | number)[]): string {
  const more = all.length > namedMax ? ` and ${all.length - namedMax} more` : "";
  return `${all.slice(0, namedMax).join(", ")}${more}`;
}
