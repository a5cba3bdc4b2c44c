import type { ReplicaLog } from "../partition/replica/replica-log.ts";
import type { ChainHost } from "./chain-host.ts";

/** What a topic's settings say to a replica. */
export function rulesOf(settings: ReplicaLog["settings"]) {
  const { durability } = settings;
  return { durability, minInsyncReplicas: settings["min.insync.replicas"] };
}

/** A log as its replica finds it. */
export function startOf(log: ReplicaLog, { place }: ChainHost) {
  const { logStart, end, committed, written, flushed, settings } = log;
  const marks = { logStart, end, committed, written, flushed };
  return { member: place.self, ...marks, ...rulesOf(settings) };
}

export function portsOf(log: ReplicaLog, host: ChainHost) {
  const { place } = host;
  return {
    lease: { holds: () => place.isStanding() },
    epochs: () => log.epochEnds(),
    begin: () => log.begin,
    mayHaveGaps: () => log.mayHaveGaps,
    nextSession: () => host.nextSession(),
  };
}
