import type { Standing } from "../../../replication/lease-term.ts";
import type { Clock } from "../../../base/clock.ts";
import { XylemError } from "../../../base/errors.ts";
import type { Log } from "../../../base/log.ts";
import type { Lease } from "../../ports/lease.ts";
import { readEntry } from "../../ports/read-entry.ts";
import { type ClaimOptions, claimNode } from "./claim-node.ts";
import { formatNodeEntry, nodeKey, type NodeEntry, parseNodeEntry } from "./node-entry.ts";

/** Time between two tries to be a node of the cluster again. */
const retryMs = 500;

export interface MembershipOptions extends ClaimOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Another process is the node of this id now: this one must stop. */
  readonly onReplaced: (error: XylemError) => void;
}

/**
 * This node's key in the coordinator and the lease it is bound to. A lease that was lost is taken
 * anew, under the same incarnation: whether the node still is a member of its chains, the image
 * tells, which has to reach `sinceRevision` first (cluster.md, section 4, Lease).
 *
 * leased → (lease lost, or key gone) → rejoining → leased; any → (close) → closed;
 * rejoining → (id taken, or directory copied) → replaced.
 */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #listeners = new Set<() => void>();
  #entry: NodeEntry;
  #lease: Lease;
  #revision: number;
  #sinceRevision: number;
  #leasedSinceMs: number;
  #isLeased = true;
  #isClosed = false;
  #cancel = (): void => {};
  #cancelLook = (): void => {};
  /** Writes of the key run one after the other. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    options: MembershipOptions,
    entry: NodeEntry,
    claim: { readonly lease: Lease; readonly revision: number },
  ) {
    this.#options = options;
    this.#entry = entry;
    this.#lease = claim.lease;
    this.#revision = claim.revision;
    this.#sinceRevision = claim.revision;
    this.#leasedSinceMs = options.clock.monotonicMs();
    this.#attach();
  }

  /** Throws as `claimNode`. */
  static async claim(options: MembershipOptions, entry: NodeEntry): Promise<Membership> {
    return new Membership(options, entry, await claimNode(options, entry));
  }

  get entry(): NodeEntry {
    return this.#entry;
  }

  /** Keys that are to vanish with this node are bound to it; undefined while there is none. */
  get lease(): Lease | undefined {
    return this.#isLeased ? this.#lease : undefined;
  }

  get standing(): Standing {
    const holdsUntilMs = this.#isLeased ? this.#lease.holdsUntilMs : Number.NEGATIVE_INFINITY;
    return { holdsUntilMs, sinceRevision: this.#sinceRevision };
  }

  /** By the monotonic clock: when the lease was granted that it has, or had last. */
  get leasedSinceMs(): number {
    return this.#leasedSinceMs;
  }

  /** Told when the standing changed: renewed, lost or regained. Answers what ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells the cluster what this node has become: where it listens, what it still holds. */
  announce(
    change: Partial<Pick<NodeEntry, "addresses" | "lineages" | "isDraining" | "isFull">>,
  ): Promise<void> {
    this.#entry = { ...this.#entry, ...change };
    this.#writing = this.#writing.then(
      () => this.#write(),
      () => this.#write(),
    );
    return this.#writing;
  }

  /**
   * The coordinator says that the node's key is gone, though the lease may hold: by a hand, with a
   * backup that is from between the two, or by another process with a copy of the directory, whose
   * own is there in a moment. A former life's key is none of this one's; and what is told late may
   * be from before the lease that it has now, whose key is there in a moment too.
   */
  keyVanished(revision: number, isStillGone: () => boolean): void {
    const lease = this.#lease;
    this.#cancelLook();
    this.#cancelLook = this.#options.clock.schedule(retryMs, () => {
      if (revision <= this.#revision || !this.#isLeased || lease !== this.#lease) return;
      if (!isStillGone()) return;
      this.#lose("this node's entry in the coordinator is gone");
      lease.revoke().catch(() => undefined);
    });
  }

  /** The node leaves: all that is bound to its lease vanishes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isLeased = false;
    this.#cancel();
    this.#cancelLook();
    try {
      await this.#lease.revoke();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#options.log.warn("the coordinator was not told that this node leaves", { why });
    }
  }

  /** While it is lost nothing is written: what is announced goes out with the next claim. */
  async #write(): Promise<void> {
    if (!this.#isLeased || (await this.#tryWrite())) return;
    // A write that nobody knew the outcome of may have been made.
    const known = this.#revision;
    await this.#lookAgain();
    if (!this.#isLeased || (this.#revision !== known && (await this.#tryWrite()))) return;
    throw new XylemError("STALE_BROKER_EPOCH", `${nodeKey(this.#entry.id)} was lost`);
  }

  async #tryWrite(): Promise<boolean> {
    const lease = this.#lease;
    const key = nodeKey(this.#entry.id);
    const compares = [{ key, revision: this.#revision }];
    const value = formatNodeEntry(this.#entry);
    const revision = await this.#options.coordinator.transact(compares, [{ key, value, lease }]);
    if (revision !== undefined) this.#revision = revision;
    return revision !== undefined;
  }

  async #lookAgain(): Promise<void> {
    const lease = this.#lease;
    const { id, incarnation } = this.#entry;
    const found = await readEntry(this.#options.coordinator, nodeKey(id));
    if (found === undefined || lease !== this.#lease) return;
    const isOwn = parseNodeEntry(found.key, found.value).incarnation === incarnation;
    if (isOwn) this.#revision = found.revision;
  }

  #attach(): void {
    const lease = this.#lease;
    lease.onRenewed(() => this.#tell());
    lease.onLost(() => {
      if (lease === this.#lease) this.#lose("this node's lease is lost");
    });
  }

  #lose(what: string): void {
    if (this.#isClosed || !this.#isLeased) return;
    this.#isLeased = false;
    this.#cancel();
    this.#options.log.error(`${what}; it answers nothing until it has another`);
    this.#tell();
    void this.#rejoin();
  }

  async #rejoin(): Promise<void> {
    if (this.#isClosed) return;
    const { log, clock } = this.#options;
    try {
      // The end of the old lease may not be known there yet; the key is this directory's.
      const claimed = this.#entry;
      const { lease, revision } = await claimNode(this.#options, claimed, this.#revision);
      if (this.#isClosed) return await lease.revoke();
      this.#lease = lease;
      this.#revision = revision;
      this.#sinceRevision = revision;
      this.#leasedSinceMs = clock.monotonicMs();
      this.#isLeased = true;
      this.#attach();
      log.info("this node has a lease again", { nodeId: claimed.id });
      this.#tell();
      if (claimed !== this.#entry) void this.#announceAgain();
    } catch (error) {
      if (error instanceof XylemError && error.code === "DUPLICATE_BROKER_REGISTRATION") {
        return this.#options.onReplaced(error);
      }
      log.warn("no lease from the coordinator", { why: String(error) });
      this.#cancel = clock.schedule(retryMs, () => void this.#rejoin());
    }
  }

  /** What was announced while there was no lease. */
  async #announceAgain(): Promise<void> {
    try {
      await this.announce({});
    } catch (error) {
      const { log, clock } = this.#options;
      log.warn("what this node has become is not told yet", { why: String(error) });
      if (this.#isLeased) this.#cancel = clock.schedule(retryMs, () => void this.#announceAgain());
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
