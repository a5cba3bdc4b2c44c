import type { Clock } from "../../../base/clock.ts";
import type { Life } from "../../../replication/controller/chain-ask.ts";
import type { PeerIdentity, PeerLinks } from "../../ports/peer-links.ts";

export interface ProcessWatchOptions {
  readonly links: PeerLinks;
  readonly clock: Clock;
  /** Tells the controller, if that is another node; rejects when it was not told. */
  readonly tellController: (suspect: Life) => Promise<void>;
}

export interface ProcessListener {
  /** A dial was refused: nobody listens where this life is registered. */
  refused(suspect: Life): void;
  linked(life: Life): void;
  unlinked(life: Life): void;
}

interface Refused {
  readonly incarnation: string;
  readonly count: number;
  readonly atMs: number;
}

/** A refusal that is not repeated counts so long. */
const lastsMs = 5_000;
/** So many in a row without a link in between are not by chance. */
const refusalsMin = 2;

/** What this node's own links say of other nodes' processes: known here, and to the controller. */
export class ProcessWatch {
  readonly #options: ProcessWatchOptions;
  readonly #refused = new Map<number, Refused>();
  readonly #telling = new Set<number>();
  readonly #leave: readonly (() => void)[];
  #listener: ProcessListener | undefined;

  constructor(options: ProcessWatchOptions) {
    const { links } = options;
    this.#options = options;
    this.#leave = [
      links.onGone((peer) => this.#note(peer)),
      links.onOpened(({ peer }) => {
        this.#refused.delete(peer.id);
        this.#listener?.linked(peer);
      }),
      links.onClosed(({ peer }) => this.#listener?.unlinked(peer)),
    ];
  }

  /** Who hears of all that happens from now on; told by `tellAll` what was before. */
  attach(listener: ProcessListener): void {
    this.#listener = listener;
  }

  /** What of these nodes is known by now. */
  tellAll(nodes: readonly PeerIdentity[], listener: ProcessListener): void {
    for (const { id, incarnation } of nodes) {
      const linked = this.#options.links.find(id)?.peer;
      if (linked !== undefined) listener.linked(linked);
      const refused = this.#find({ id, incarnation });
      for (let told = 0; told < (refused?.count ?? 0); told += 1) {
        listener.refused({ id, incarnation });
      }
    }
  }

  /** Whether this node alone is sure enough that the process is gone. */
  isGone(life: Life): boolean {
    return (this.#find(life)?.count ?? 0) >= refusalsMin;
  }

  /** Whether this life is known to live: it is linked to this node, and not silent. */
  isHeard({ id, incarnation }: Life): boolean {
    const link = this.#options.links.find(id);
    return link?.peer.incarnation === incarnation && link.isHeard;
  }

  close(): void {
    for (const leave of this.#leave) leave();
  }

  #find({ id, incarnation }: Life): Refused | undefined {
    const known = this.#refused.get(id);
    const isOld = known === undefined || this.#options.clock.monotonicMs() - known.atMs > lastsMs;
    return !isOld && known.incarnation === incarnation ? known : undefined;
  }

  #note(peer: PeerIdentity): void {
    const { id, incarnation } = peer;
    const count = Math.min((this.#find(peer)?.count ?? 0) + 1, refusalsMin);
    this.#refused.set(id, { incarnation, count, atMs: this.#options.clock.monotonicMs() });
    this.#listener?.refused({ id, incarnation });
    if (this.#telling.has(id)) return;
    this.#telling.add(id);
    const done = (): void => void this.#telling.delete(id);
    // It is said again at the next refusal.
    this.#options.tellController({ id, incarnation }).then(done, done);
  }
}
