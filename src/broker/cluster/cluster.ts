import type { Clock } from "../../base/clock.ts";
import type { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { formatUuid, makeUuid } from "../../base/uuid.ts";
import type { Coordinator } from "../ports/coordinator.ts";
import { ClusterImage, type ImageNews } from "./cluster-image.ts";
import { CoordinatorFeed } from "./coordinator-feed.ts";
import { Membership } from "./membership.ts";
import {
  type AddressKind,
  type Lineages,
  type NodeAddress,
  type NodeEntry,
  nodeKey,
} from "./node-entry.ts";
import { takeSeat } from "./take-seat.ts";

export interface ClusterOptions {
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly nodeId: number;
  /** Of this node's data directory, whose lock is held. */
  readonly directoryId: string;
  readonly rack: string | null;
  readonly version: string;
  readonly leaseMs: number;
  /** Nodes that hold replicas without a plan. */
  readonly expectedNodes: number;
  /** This node's id belongs to another process now: this one must stop. */
  readonly onReplaced: (error: XylemError) => void;
}

/** What this version can work with. */
const features = { least: 1, most: 1 };

export type ImageListener = (news: ImageNews) => void;

/**
 * This node among others: its place, its lease, and what it knows of the cluster. Undefined in a
 * broker that is by itself.
 */
export class Cluster {
  readonly nodeId: number;
  readonly incarnation: string;
  /** As of ClusterOptions. */
  readonly expectedNodes: number;
  readonly feed: CoordinatorFeed;
  readonly image: ClusterImage;
  readonly membership: Membership;
  readonly #clock: Clock;
  readonly #listeners = new Set<ImageListener>();

  private constructor(
    { nodeId, clock, expectedNodes }: ClusterOptions,
    parts: { feed: CoordinatorFeed; image: ClusterImage; membership: Membership },
  ) {
    this.nodeId = nodeId;
    this.expectedNodes = expectedNodes;
    this.#clock = clock;
    this.incarnation = parts.membership.entry.incarnation;
    this.feed = parts.feed;
    this.image = parts.image;
    this.membership = parts.membership;
    // First of all followers: those that come later find the image as new as their news.
    this.feed.follow("", ({ changes }) => {
      const news = this.image.apply(changes);
      for (const listener of this.#listeners) listener(news);
    });
  }

  /**
   * Takes this node's id and place; nobody counts on it before `announce`. Throws
   * DUPLICATE_BROKER_REGISTRATION.
   */
  static async open(options: ClusterOptions): Promise<Cluster> {
    const { coordinator, nodeId, directoryId, rack, version, random } = options;
    const entry: NodeEntry = {
      id: nodeId,
      incarnation: formatUuid(makeUuid(random)),
      directoryId,
      addresses: {},
      rack,
      isDraining: false,
      version,
      features,
    };
    const claim = { ...options, ttlMs: options.leaseMs };
    const membership = await Membership.claim(claim, entry);
    try {
      const expected = options.expectedNodes;
      await takeSeat(coordinator, { nodeId, rack: rack ?? "", expected });
      const [feed, state] = await CoordinatorFeed.open(options);
      return new Cluster(options, { feed, image: new ClusterImage(state), membership });
    } catch (error) {
      await membership.close();
      throw error;
    }
  }

  /** Whether this node's lease holds and its image is no older than the lease. */
  get isStanding(): boolean {
    const { holdsUntilMs, sinceRevision } = this.membership.standing;
    return this.#clock.monotonicMs() < holdsUntilMs && this.feed.revision >= sinceRevision;
  }

  /** The nodes are told that this one is up, what it still holds and where it is reached. */
  async announce(
    lineages: Lineages,
    addresses: Readonly<Partial<Record<AddressKind, NodeAddress>>>,
  ): Promise<void> {
    await this.membership.announce({ lineages, addresses });
    await this.feed.catchUp(nodeKey(this.nodeId));
  }

  /** Told after each change of the image, before those who follow the feed. */
  onImage(listener: ImageListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.feed.close();
    await this.membership.close();
  }
}
