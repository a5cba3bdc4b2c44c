import type { Cancel, Clock } from "../../../base/clock.ts";
import type { Log } from "../../../base/log.ts";
import type { StorageHealth } from "../../ports/partition-storage.ts";
import type { Membership } from "./membership.ts";

export interface RoomNewsOptions {
  readonly health: Pick<StorageHealth, "isFull" | "onFull">;
  readonly membership: Pick<Membership, "announce">;
  readonly clock: Clock;
  readonly log: Log;
}

/** What is over sooner, as by retention, is not told. */
const everyMs = 2_000;

/**
 * Tells the cluster that this node's disk takes no appends, once that lasts, and when it takes some
 * again: others lead meanwhile, where they have room.
 */
export class RoomNews {
  readonly #options: RoomNewsOptions;
  /** Undefined: what was to be told last may have been heard or not. */
  #told: boolean | undefined = false;
  #isLooking = false;
  #isClosed = false;
  #cancel: Cancel = () => {};

  constructor(options: RoomNewsOptions) {
    this.#options = options;
    options.health.onFull(() => {
      if (!this.#isLooking) this.#lookLater();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  #lookLater(): void {
    if (this.#isClosed) return;
    this.#isLooking = true;
    this.#cancel = this.#options.clock.schedule(everyMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { health, membership, log } = this.#options;
    const { isFull } = health;
    try {
      if (isFull !== this.#told) await membership.announce({ isFull });
      this.#told = isFull;
    } catch (error) {
      this.#told = undefined;
      const why = error instanceof Error ? error.message : String(error);
      log.warn("the cluster was not told whether this node has room", { why });
    }
    if (health.isFull || this.#told !== false) this.#lookLater();
    else this.#isLooking = false;
  }
}
