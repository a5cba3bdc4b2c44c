import type { Clock } from "../../base/clock.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { formatUuid, makeUuid } from "../../base/uuid.ts";
import { isInForce } from "../../replication/lease-term.ts";
import type { Change, Coordinator } from "../ports/coordinator.ts";
import { clusterIdKey } from "./membership/agree-on-cluster-id.ts";
import { ClusterImage, type ImageNews } from "./cluster-image.ts";
import { CoordinatorFeed, type FeedNews } from "./coordinator-feed.ts";
import { featuresKey } from "./feature-level.ts";
import { finalizeLevel, type LevelChange } from "./finalize-level.ts";
import { Membership } from "./membership/membership.ts";
import { RestoredMark } from "./replicas/restored-mark.ts";
import {
  type AddressKind,
  type Lineages,
  type NodeAddress,
  type NodeEntry,
  nodeKey,
} from "./membership/node-entry.ts";
import { takeSeat } from "./membership/take-seat.ts";
import { UnreadableEntries } from "./unreadable-entries.ts";

export interface ClusterOptions {
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly nodeId: number;
  /** As the coordinator told it when this node started. */
  readonly clusterId: string;
  /** Of this node's data directory, whose lock is held. */
  readonly directoryId: string;
  readonly rack: string | null;
  readonly version: string;
  readonly leaseMs: number;
  /** Nodes that hold replicas without a plan. */
  readonly expectedNodes: number;
  /** The feature levels that this node can work at, both included. */
  readonly levels: NodeEntry["features"];
  /**
   * This node's id is another process's now, the cluster has outgrown it, or the coordinator is
   * not that of its cluster any more: it must stop.
   */
  readonly onReplaced: (error: XylemError) => void;
}

export type ImageListener = (news: ImageNews) => void;

/**
 * This node among others: its place, its lease, and what it knows of the cluster. Undefined in a
 * broker that is by itself.
 */
export class Cluster {
  readonly nodeId: number;
  readonly incarnation: string;
  /** These two as of ClusterOptions. */
  readonly expectedNodes: number;
  readonly levels: NodeEntry["features"];
  readonly feed: CoordinatorFeed;
  readonly image: ClusterImage;
  readonly membership: Membership;
  readonly unreadable: UnreadableEntries;
  readonly restored: RestoredMark;
  readonly #clock: Clock;
  readonly #coordinator: Coordinator;
  readonly #listeners = new Set<ImageListener>();
  #restoredMs = -Infinity;
  #isOutgrown = false;
  #isElsewhere = false;

  private constructor(
    options: ClusterOptions,
    parts: {
      feed: CoordinatorFeed;
      image: ClusterImage;
      membership: Membership;
      unreadable: UnreadableEntries;
    },
  ) {
    this.nodeId = options.nodeId;
    this.expectedNodes = options.expectedNodes;
    this.levels = options.levels;
    this.#clock = options.clock;
    this.#coordinator = options.coordinator;
    this.incarnation = parts.membership.entry.incarnation;
    this.feed = parts.feed;
    this.image = parts.image;
    this.membership = parts.membership;
    this.unreadable = parts.unreadable;
    this.restored = new RestoredMark({ ...options, feed: parts.feed });
    // First of all followers: those that come later find the image as new as their news.
    this.feed.follow("", (told) => {
      const { changes, isAnew } = told;
      if (isAnew) this.#restoredMs = this.#clock.monotonicMs();
      this.#checkId(options, changes);
      this.#lookForOwnKey(told);
      const isRestored = this.restored.take(told);
      for (const { key } of changes) this.unreadable.forget(key);
      const { unreadable, ...news } = this.image.apply(changes);
      for (const one of unreadable) this.unreadable.note(one);
      this.#checkLevel(options);
      for (const listener of this.#listeners) listener({ ...news, isRestored });
    });
  }

  /**
   * Takes this node's id; nobody counts on it before `announce`. Throws
   * DUPLICATE_BROKER_REGISTRATION.
   */
  static async open(options: ClusterOptions): Promise<Cluster> {
    const { nodeId, directoryId, rack, version, random } = options;
    const entry: NodeEntry = {
      id: nodeId,
      incarnation: formatUuid(makeUuid(random)),
      directoryId,
      addresses: {},
      rack,
      isDraining: false,
      version,
      features: options.levels,
    };
    const claim = { ...options, ttlMs: options.leaseMs };
    const membership = await Membership.claim(claim, entry);
    try {
      const [feed, state] = await CoordinatorFeed.open(options);
      const unreadable = new UnreadableEntries(options.log);
      const image = new ClusterImage(state, unreadable);
      const tooOld = refusalOfLevel(image.level, options);
      if (tooOld !== undefined) {
        feed.close();
        throw tooOld;
      }
      return new Cluster(options, { feed, image, membership, unreadable });
    } catch (error) {
      await membership.close();
      throw error;
    }
  }

  /** By the monotonic clock: when the coordinator was last seen to go back in time. */
  get restoredMs(): number {
    return this.#restoredMs;
  }

  /** Whether this node's lease holds and its image is no older than the lease. */
  get isStanding(): boolean {
    const { revision: imageRevision } = this.feed;
    return isInForce(this.membership.standing, { nowMs: this.#clock.monotonicMs(), imageRevision });
  }

  /**
   * The nodes are told that this one is up, what it still holds and where it is reached. Only now
   * it has a seat: a start that fails leaves none.
   */
  async announce(
    lineages: Lineages,
    addresses: Readonly<Partial<Record<AddressKind, NodeAddress>>>,
  ): Promise<void> {
    const { nodeId, expectedNodes: expected } = this;
    const rack = this.membership.entry.rack ?? "";
    await takeSeat(this.#coordinator, { nodeId, rack, expected });
    await this.membership.announce({ lineages, addresses });
    await this.feed.catchUp(nodeKey(this.nodeId));
  }

  /** Told after each change of the image, before those who follow the feed. */
  onImage(listener: ImageListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** As `finalizeLevel`; this node knows of it when it resolves. */
  async finalize(
    level: number | undefined,
    how: { readonly validateOnly: boolean },
  ): Promise<LevelChange> {
    const change = await finalizeLevel(this.#coordinator, level, how);
    await this.feed.catchUp(featuresKey);
    return change;
  }

  /** Whether what a feature level brings may be used. */
  mayUse(level: number): boolean {
    return this.image.level >= level;
  }

  #lookForOwnKey({ changes, isAnew }: FeedNews): void {
    const ownKey = nodeKey(this.nodeId);
    const own = changes.find(({ key }) => key === ownKey);
    if (own?.value !== null) return;
    // Revisions of a restored coordinator and those from before do not compare.
    const revision = isAnew ? Infinity : own.revision;
    this.membership.keyVanished(revision, () => this.feed.revisionOf(ownKey) === 0);
  }

  /** It was finalized while this node was starting, unseen: nothing but to stop is safe. */
  #checkLevel(options: ClusterOptions): void {
    const tooOld = refusalOfLevel(this.image.level, options);
    if (tooOld === undefined || this.#isOutgrown) return;
    this.#isOutgrown = true;
    options.onReplaced(tooOld);
  }

  /** An emptied coordinator is that of no cluster, another one that of others: nothing goes on. */
  #checkId({ clusterId, onReplaced }: ClusterOptions, changes: readonly Change[]): void {
    const found = changes.find(({ key }) => key === clusterIdKey);
    if (found === undefined || found.value === clusterId || this.#isElsewhere) return;
    this.#isElsewhere = true;
    const what = found.value === null ? "knows no cluster any more" : `is that of ${found.value}`;
    const how = "bring back its backup; the data directories are kept";
    const detail = `this node is of cluster ${clusterId}, and the coordinator ${what}: ${how}`;
    onReplaced(new XylemError("INCONSISTENT_CLUSTER_ID", detail));
  }

  async close(): Promise<void> {
    this.restored.close();
    this.feed.close();
    await this.membership.close();
  }
}

function refusalOfLevel(
  level: number,
  { levels, version }: Pick<ClusterOptions, "levels" | "version">,
): XylemError | undefined {
  const { least, most } = levels;
  if (level >= least && level <= most) return undefined;
  const able = `this node (version ${version}) can work at ${least} to ${most}`;
  const how = level > most ? "start a newer version" : "go through the versions between";
  const detail = `the cluster's feature level is ${level}, ${able}: ${how}`;
  return new XylemError("UNSUPPORTED_VERSION", detail);
}
