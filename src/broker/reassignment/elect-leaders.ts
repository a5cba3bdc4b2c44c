import { XylemError } from "../../base/errors.ts";
import { inParallel } from "../../base/in-parallel.ts";
import type { Broker } from "../broker.ts";
import { findPartition, findTopic } from "../records/find-partition.ts";
import { type Candidate, notNeeded } from "./candidate.ts";
import { electPreferred } from "./elect-preferred.ts";
import { startUncleanly } from "./start-uncleanly.ts";

/** `preferred`: the first of the replicas leads again. `unclean`: records may be given up. */
export type ElectionKind = "preferred" | "unclean";

export interface ElectionAsk {
  readonly kind: ElectionKind;
  /** By topic; undefined: all partitions that need it. */
  readonly partitions: ReadonlyMap<string, readonly number[]> | undefined;
  /** How long the answer waits for the new heads. */
  readonly timeoutMs: number;
}

export interface Election {
  readonly topic: string;
  readonly partition: number;
  /** Why there is no new head; REQUEST_TIMED_OUT: there may be one later. */
  readonly error?: XylemError;
}

/** Unclean starts that are written side by side. */
const startsMax = 16;

/**
 * Brings partitions their preferred heads, or, where no member is up and the topic allows it, a
 * head that may lack records (KIP-183, KIP-460). Of all partitions those are left out that need
 * none.
 */
export async function electLeaders(broker: Broker, ask: ElectionAsk): Promise<Election[]> {
  const answers: Election[] = [];
  const candidates: Candidate[] = [];
  for (const [name, indexes] of ask.partitions ?? allOf(broker)) {
    for (const partition of new Set(indexes)) {
      try {
        const topic = findTopic(broker, name);
        findPartition(topic, partition);
        candidates.push({ topic, partition });
      } catch (error) {
        answers.push(failed({ topic: name, partition }, error));
      }
    }
  }
  answers.push(...(await elect(broker, candidates, ask)));
  const isNeeded = ({ error }: Election): boolean => error?.code !== "ELECTION_NOT_NEEDED";
  return ask.partitions === undefined ? answers.filter(isNeeded) : answers;
}

async function elect(
  broker: Broker,
  candidates: readonly Candidate[],
  { kind, timeoutMs }: ElectionAsk,
): Promise<Election[]> {
  const tell = (candidate: Candidate, error?: unknown): Election => {
    const place = { topic: candidate.topic.name, partition: candidate.partition };
    return error === undefined ? place : failed(place, error);
  };
  const { cluster, chainControl, log } = broker;
  if (cluster === undefined || chainControl === undefined) {
    return candidates.map((one) => tell(one, notNeeded(one)));
  }
  const parts = { cluster, chainControl, clock: broker.clock };
  if (kind === "preferred") {
    const errors = await electPreferred(parts, candidates, timeoutMs);
    return candidates.map((one, at) => tell(one, errors[at]));
  }
  return await inParallel(candidates, startsMax, async (one) => {
    try {
      await startUncleanly({ ...parts, log }, one);
      return tell(one);
    } catch (error) {
      return tell(one, error);
    }
  });
}

function allOf({ topics }: Broker): Map<string, readonly number[]> {
  return new Map(topics.list().map(({ name, partitions }) => [name, [...partitions.keys()]]));
}

function failed(place: { topic: string; partition: number }, error: unknown): Election {
  if (!(error instanceof XylemError)) throw error;
  return { ...place, error };
}
