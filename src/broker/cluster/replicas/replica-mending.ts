import type { Peer } from "../../../replication/chain-input.ts";
import { type ChainConfig, type ChainRole, roleOf } from "../../../replication/chain-config.ts";
import type { LogStanding } from "../../../replication/controller/chain-ask.ts";
import type { ReplicaLog } from "../../partition/replica/replica-log.ts";
import type { ClusterImage } from "../cluster-image.ts";

/**
 * What a chain says of this node's log of it: what of it counts, and what may go. Of a chain as it
 * is when it is asked; without one, nothing.
 */
export class ChainVerdict {
  readonly #config: ChainConfig | undefined;
  readonly #self: Peer;
  readonly #image: ClusterImage;

  constructor(config: ChainConfig | undefined, self: Peer, image: ClusterImage) {
    this.#config = config;
    this.#self = self;
    this.#image = image;
  }

  /**
   * Whether it may go, because others that are up hold all that was committed. As long as the node
   * is listed, in whatever life, its log may be all there is.
   */
  get mayStartOver(): boolean {
    const { members = [] } = this.#config ?? {};
    const isListed = members.some(({ id }) => id === this.#self.id);
    return !isListed && members.some((member) => this.#image.has(member));
  }

  /**
   * Nobody counts on what it had lost when its node started: others have it, it was given up, or
   * the chain has gone on with the log as it was found.
   */
  get isReleased(): boolean {
    return this.mayStartOver || this.#beginsUncleanly || this.isOfMember;
  }

  /** Whether it has all that was committed. */
  get isOfMember(): boolean {
    return this.#role !== "outsider" && this.#role !== "joiner";
  }

  /**
   * Whether a log that stopped for want of room, and is all there is of its chain, goes on from
   * what is written: in a later epoch, so that what others were sent of it is told from what
   * follows.
   */
  isToGoOn({ fullInEpoch, isHalted }: ReplicaLog): boolean {
    if (this.#config === undefined || fullInEpoch === undefined || isHalted) return false;
    return this.#config.epoch > fullInEpoch && this.#role === "solo";
  }

  /**
   * Whether a torn log is cut back to where it is whole: when all members had lost something and
   * the chain begins uncleanly with this log, which others are to copy.
   */
  isToBeginWhole(replica: ReplicaLog): boolean {
    if (this.#config === undefined || tornFrom(replica) === undefined) return false;
    const { replicas, target = replicas } = this.#config;
    return target.length > 1 && this.#beginsUncleanly;
  }

  /**
   * Below it a log lacks only what was given up: the chain of this one replica has begun uncleanly
   * with it, and nobody else can have what it lacks.
   */
  givenUpBelow(replica: ReplicaLog): number {
    if (this.#config === undefined) return 0;
    const { members, replicas, target, unclean } = this.#config;
    const isAlone = members.length === 1 && replicas.length === 1 && target === undefined;
    if (!isAlone || unclean === 0) return 0;
    const before = replica.epochEnds().findLast(({ epoch }) => epoch < unclean);
    return before?.endOffset ?? replica.logStart;
  }

  /** Whether the chain begins uncleanly with this log: what that has lost was given up. */
  get #beginsUncleanly(): boolean {
    if (this.#config === undefined) return false;
    const { unclean, epoch } = this.#config;
    return unclean === epoch && this.#role === "solo";
  }

  get #role(): ChainRole {
    return this.#config === undefined ? "outsider" : roleOf(this.#config, this.#self);
  }
}

/** A log that is damaged, or that its disk failed. What contradicts its chain is for a person. */
export function isUnsound(replica: ReplicaLog): boolean {
  return replica.unsoundFrom !== undefined && !replica.isHalted;
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
export function soundEnd(replica: ReplicaLog): LogStanding {
  const endOffset = tornFrom(replica) ?? replica.end;
  const epochs = replica.epochEnds();
  const last = epochs.find((range) => range.endOffset >= endOffset) ?? epochs.at(-1);
  const lastEpoch = endOffset === replica.logStart ? -1 : (last?.epoch ?? -1);
  const hasLost = replica.unsoundFrom !== undefined || replica.lostUpTo > 0;
  const { logStart } = replica;
  return { lastEpoch, endOffset, logStart, ...(hasLost && { isUnsound: true }) };
}

/** The coordinator went back in time: this log has records of a later epoch. */
export function isNewerThan({ epoch }: ChainConfig, replica: ReplicaLog): boolean {
  return (replica.epochEnds().at(-1)?.epoch ?? -1) > epoch;
}
