import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import type { ChainConfig } from "../../replication/chain-config.ts";
import type { ChainControl } from "../cluster/assignment/chain-control.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { type Candidate, type ElectionParts, keyOf, notNeeded } from "./candidate.ts";

/** Clients give up a request after 30 s. */
const waitMsMax = 20_000;
/** Chains that are named to the controller in one call. */
const keysPerCallMax = 1_000;
/** The wish is told again: the controller may be another one. */
const againMs = 1_000;

/**
 * Has each preferred head lead its chain: a head gives way once it has handed over, so it takes a
 * moment. Answers by candidate why there is none. A wish whose time ran out stays.
 */
export async function electPreferred(
  { cluster, chainControl, clock }: ElectionParts,
  candidates: readonly Candidate[],
  timeoutMs: number,
): Promise<(XylemError | undefined)[]> {
  const errors = candidates.map((one) => refusal(cluster, one));
  const waiting = new Map<string, number>();
  candidates.forEach((one, at) => {
    if (errors[at] === undefined) waiting.set(keyOf(one), at);
  });
  const endMs = clock.monotonicMs() + Math.min(timeoutMs, waitMsMax);
  while (waiting.size > 0) {
    // Without a controller it is asked again like one that has changed.
    await wish(chainControl, [...waiting.keys()]);
    const leftMs = endMs - clock.monotonicMs();
    await untilSettled(cluster, clock, waiting, Math.min(Math.max(leftMs, 0), againMs));
    for (const [key, at] of waiting) {
      if (isSettled(cluster, key)) waiting.delete(key);
      else if (leftMs <= againMs) {
        waiting.delete(key);
        errors[at] = timedOut(candidates[at] as Candidate);
      }
    }
  }
  return errors;
}

/** Why it can not be done now. */
function refusal(cluster: Cluster, candidate: Candidate): XylemError | undefined {
  const { topic, partition } = candidate;
  const config = cluster.image.chains.get(keyOf(candidate))?.config;
  if (config === undefined) {
    return new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `${topic.name}-${partition} has no chain`);
  }
  const preferred = preferredOf(config);
  const head = cluster.image.headOf(config);
  if (head?.id === preferred) return notNeeded(candidate);
  const member = config.members.find(({ id }) => id === preferred);
  const least = Math.max(1, topic.settings["min.insync.replicas"]);
  const why =
    member === undefined || !cluster.image.has(member)
      ? `node ${preferred} is not in the chain`
      : config.members.length <= least
        ? `the chain can spare no member: min.insync.replicas is ${least}`
        : undefined;
  if (why === undefined) return undefined;
  return new XylemError("PREFERRED_LEADER_NOT_AVAILABLE", `${topic.name}-${partition}: ${why}`);
}

function preferredOf({ replicas, target }: ChainConfig): number | undefined {
  return (target ?? replicas)[0];
}

function isSettled({ image }: Cluster, key: string): boolean {
  const config = image.chains.get(key)?.config;
  return config === undefined || image.headOf(config)?.id === preferredOf(config);
}

async function wish({ calls }: ChainControl, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += keysPerCallMax) {
    await calls.prefer(keys.slice(at, at + keysPerCallMax)).catch(expectXylemError);
  }
}

function untilSettled(
  cluster: Cluster,
  clock: Clock,
  waiting: ReadonlyMap<string, number>,
  timeoutMs: number,
): Promise<void> {
  return new Promise((resolve) => {
    const left = new Set([...waiting.keys()].filter((key) => !isSettled(cluster, key)));
    const end = (): void => {
      leave();
      cancel();
      resolve();
    };
    const leave = cluster.onImage(({ chains }) => {
      for (const key of chains) if (isSettled(cluster, key)) left.delete(key);
      if (left.size === 0) end();
    });
    const cancel = clock.schedule(timeoutMs, end);
    if (left.size === 0) end();
  });
}

function timedOut({ topic, partition }: Candidate): XylemError {
  const detail = `${topic.name}-${partition} has no other head yet; it may still get it`;
  return new XylemError("REQUEST_TIMED_OUT", detail);
}

function expectXylemError(error: unknown): void {
  if (!(error instanceof XylemError)) throw error;
}
