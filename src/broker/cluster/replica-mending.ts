import type { Peer } from "../../replication/chain-input.ts";
import { type ChainConfig, roleOf } from "../../replication/chain-config.ts";
import type { LogEnd } from "../../replication/controller/chain-ask.ts";
import type { ReplicaLog } from "../partition/replica/replica-log.ts";
import type { ClusterImage } from "./cluster-image.ts";

/** A log that is damaged, or that its disk failed. What contradicts its chain is for a person. */
export function isUnsound(replica: ReplicaLog): boolean {
  return replica.unsoundFrom !== undefined && !replica.isHalted;
}

/**
 * Whether a node's log of a chain may go, because others that are up hold all that was committed.
 * As long as the node is listed, in whatever life, its log may be all there is.
 */
export function mayStartOver({ members }: ChainConfig, image: ClusterImage, id: number): boolean {
  return members.every((member) => member.id !== id) && members.some((one) => image.has(one));
}

/**
 * Whether a log that stopped for want of room, and is all there is of its chain, goes on from what
 * is written: in a later epoch, so that what others were sent of it is told from what follows.
 */
export function isToGoOn(
  config: ChainConfig | undefined,
  self: Peer,
  replica: ReplicaLog | undefined,
): replica is ReplicaLog {
  const fullIn = replica?.fullInEpoch;
  if (config === undefined || fullIn === undefined || replica?.isHalted === true) return false;
  return config.epoch > fullIn && roleOf(config, self) === "solo";
}

/**
 * From where on a log is what a crash of its machine left of pages that were never flushed, holes
 * among them: only of a topic that answers before it flushes, and nothing below was known as
 * committed and flushed. Undefined: it is not torn so.
 */
export function tornFrom(replica: ReplicaLog): number | undefined {
  const { unsoundFrom, committed, isHalted, log, settings } = replica;
  const isStill = log.stopped === undefined && !isHalted;
  if (!isStill || settings.durability !== "os" || unsoundFrom === undefined) return undefined;
  return unsoundFrom >= committed ? unsoundFrom : undefined;
}

/** Where a log ends as others may count on it: what comes after a hole can not be copied. */
export function soundEnd(replica: ReplicaLog): Omit<LogEnd, "key" | "from"> {
  const endOffset = tornFrom(replica) ?? replica.end;
  const epochs = replica.epochEnds();
  const last = epochs.find((range) => range.endOffset >= endOffset) ?? epochs.at(-1);
  const lastEpoch = endOffset === replica.logStart ? -1 : (last?.epoch ?? -1);
  const hasLost = replica.unsoundFrom !== undefined || replica.lostUpTo > 0;
  const { logStart } = replica;
  return { lastEpoch, endOffset, logStart, ...(hasLost && { isUnsound: true }) };
}

export function isMemberOf(config: ChainConfig, self: Peer): boolean {
  const role = roleOf(config, self);
  return role !== "outsider" && role !== "joiner";
}

/** Whether a chain begins uncleanly with this node's log: what that has lost was given up. */
export function beginsUncleanly(config: ChainConfig, self: Peer): boolean {
  return config.unclean === config.epoch && roleOf(config, self) === "solo";
}

/**
 * Below it a log lacks only what was given up: the chain of this one replica has begun uncleanly
 * with it, and nobody else can have what it lacks.
 */
export function givenUpBelow(
  { members, replicas, target, unclean }: ChainConfig,
  log: ReplicaLog,
): number {
  const isAlone = members.length === 1 && replicas.length === 1 && target === undefined;
  if (!isAlone || unclean === 0) return 0;
  const before = log.epochEnds().findLast(({ epoch }) => epoch < unclean);
  return before?.endOffset ?? log.logStart;
}

/**
 * Whether a node's torn log is cut back to where it is whole: when all members had lost something
 * and its chain begins uncleanly with this log, which others are to copy.
 */
export function isToBeginWhole(config: ChainConfig, self: Peer): boolean {
  const { replicas, target = replicas } = config;
  return target.length > 1 && beginsUncleanly(config, self);
}

/** The coordinator went back in time: this log has records of a later epoch. */
export function isNewerThan({ epoch }: ChainConfig, replica: ReplicaLog): boolean {
  return (replica.epochEnds().at(-1)?.epoch ?? -1) > epoch;
}
