import type { Clock } from "../../../base/clock.ts";
import type { Log } from "../../../base/log.ts";
import type { Life } from "../../../replication/controller/chain-ask.ts";
import type { Compare, Coordinator } from "../../ports/coordinator.ts";
import type { Cluster } from "../cluster.ts";
import { controllerKey, formatController } from "./controller-entry.ts";
import type { ProcessWatch } from "./process-watch.ts";

export interface OfficeParts {
  readonly cluster: Cluster;
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent where nodes are not linked: their leases alone tell who is there. */
  readonly watch?: ProcessWatch | undefined;
}

/** Others have so long to claim an office that was given up. */
const standBackMs = 10_000;
/** Between two claims of an office whose holder seems to be gone, if the first lives on. */
const deposeMs = 10_000;

/**
 * The controller's office as one node sees it: who holds the key `controller`, and whether this
 * node may claim it. The key of one whose process is gone is taken before its lease is: if it lives
 * all the same, nothing that it writes holds any more.
 */
export class Office {
  readonly #parts: OfficeParts;
  #isClaiming = false;
  /** Whose office this node claimed last before a lease was over, and when. */
  #deposed: (Life & { readonly atMs: number }) | undefined;
  #resignedMs = -Infinity;

  constructor(parts: OfficeParts) {
    this.#parts = parts;
  }

  /** Whether it is this node's, as far as that knows. */
  get isOwn(): boolean {
    const { cluster } = this.#parts;
    return cluster.image.controller?.incarnation === cluster.incarnation;
  }

  /** Nobody holds it, or one whose process is gone, as this node's own links say. */
  get isVacant(): boolean {
    const holder = this.#parts.cluster.image.controller;
    if (holder === undefined) return true;
    if (this.isOwn || this.#parts.watch?.isGone(holder) !== true) return false;
    return !this.#hasErredLately();
  }

  /** The key as it is: what is written in office compares it. */
  get key(): Compare {
    const { feed } = this.#parts.cluster;
    return { key: controllerKey, revision: feed.revisionOf(controllerKey) };
  }

  /** The key may have gone and been claimed again without a word of it in between. */
  isStill({ key, revision }: Compare): boolean {
    return this.#parts.cluster.feed.revisionOf(key) === revision;
  }

  /** Whoever has it then, the image tells. `onFailed`: that nobody knows. */
  claim(onFailed: () => void): void {
    const { cluster, coordinator, log } = this.#parts;
    const { lease } = cluster.membership;
    if (this.#isClaiming || lease === undefined) return;
    this.#isClaiming = true;
    this.#resignedMs = -Infinity;
    const { key } = this;
    if (key.revision !== 0) this.#depose();
    const value = formatController({ id: cluster.nodeId, incarnation: cluster.incarnation });
    coordinator.transact([key], [{ key: controllerKey, value, lease }]).then(
      () => (this.#isClaiming = false),
      (error: Error) => {
        this.#isClaiming = false;
        log.warn("the controller's key could not be claimed", { why: error.message });
        onFailed();
      },
    );
  }

  /** This node gave it up, and another one has it, or has time to claim it. */
  get isLeftToOthers(): boolean {
    if (this.#resignedMs === -Infinity) return false;
    const { cluster, clock } = this.#parts;
    const isHeld = cluster.image.controller !== undefined;
    return isHeld || clock.monotonicMs() - this.#resignedMs < standBackMs;
  }

  /** Gives it up, for others to claim. Rejects when nobody knows whether that was heard. */
  async resign(): Promise<void> {
    const { coordinator, clock } = this.#parts;
    this.#resignedMs = clock.monotonicMs();
    await coordinator.transact([this.key], [{ key: controllerKey, value: null }]);
  }

  #depose(): void {
    const { cluster, clock, log } = this.#parts;
    const holder = cluster.image.controller;
    if (holder === undefined) return;
    this.#deposed = { ...holder, atMs: clock.monotonicMs() };
    log.info("the controller's process is gone: another one is needed");
  }

  /** Who was taken for gone not long ago has its lease still. */
  #hasErredLately(): boolean {
    const { cluster, clock } = this.#parts;
    if (this.#deposed === undefined) return false;
    const { id, incarnation, atMs } = this.#deposed;
    const isLeased = cluster.image.node(id)?.incarnation === incarnation;
    return isLeased && clock.monotonicMs() - atMs < deposeMs;
  }
}
