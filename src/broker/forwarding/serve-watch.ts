import type { Clock } from "../../base/clock.ts";
import { equalBytes } from "../../base/bytes.ts";
import type { StopSignal } from "../../base/stop-signal.ts";
import type { Read } from "../../protocol/schema/wire.ts";
import type { Broker } from "../broker.ts";
import type { PartitionLog } from "../partition/partition-log.ts";
import type { watchAnswer, watchCall } from "./messages.ts";

type Watched = Read<typeof watchCall>["partitions"][number];
type News = Read<typeof watchAnswer>["news"][number];

/** Answers once one of the partitions is otherwise than the caller knows it, or is not led here. */
export async function watchPartitions(
  broker: Broker,
  { partitions, waitMs }: Read<typeof watchCall>,
  signal: StopSignal,
): Promise<{ readonly news: News[] }> {
  const logs = partitions.map((wanted) => findLed(broker, wanted));
  // One that does not load is told of once it does.
  await Promise.allSettled(logs.map(async (log) => log?.load("facts")));
  const look = (): News[] =>
    partitions.flatMap((wanted, at) => newsOf(wanted, at, findLed(broker, wanted)) ?? []);
  const first = look();
  if (first.length > 0 || signal.aborted) return { news: first };
  await untilNews(broker.clock, { logs, waitMs, signal });
  return { news: look() };
}

/** Undefined: nothing is new. What a new head does not know yet comes later. */
function newsOf(known: Watched, at: number, log: PartitionLog | undefined): News | undefined {
  if (log === undefined) return { at, isLed: false, logStart: 0, lastStable: 0, end: 0 };
  const { logStart, lastStable, end } = log;
  if (log.knowsLatest === false) return undefined;
  if (logStart === known.logStart && lastStable === known.lastStable) return undefined;
  return { at, isLed: true, logStart, lastStable, end };
}

function findLed({ topics }: Broker, { topic: name, topicId, partition }: Watched) {
  const topic = topics.find(name);
  if (topic === undefined || !equalBytes(topic.id, topicId)) return undefined;
  const log = topic.partitions[partition];
  return log?.absence === undefined ? log : undefined;
}

interface Waiting {
  readonly logs: readonly (PartitionLog | undefined)[];
  readonly waitMs: number;
  readonly signal: StopSignal;
}

function untilNews(clock: Clock, { logs, waitMs, signal }: Waiting): Promise<void> {
  return new Promise((resolve) => {
    const leaves: (() => void)[] = [];
    const end = (): void => {
      for (const leave of leaves.splice(0)) leave();
      resolve();
    };
    leaves.push(clock.schedule(waitMs, end));
    signal.addEventListener("abort", end, { once: true });
    leaves.push(() => signal.removeEventListener("abort", end));
    // One that moves away is told of as well.
    for (const log of logs) if (log !== undefined) leaves.push(log.onAdvance(end));
  });
}
