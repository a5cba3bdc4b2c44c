import type { LinkId, Peer } from "./chain-input.ts";
import type { Hello } from "./chain-message.ts";

export interface PendingHello {
  readonly link: LinkId;
  readonly peer: Peer;
  readonly hello: Hello;
}

/** Handshakes that can not be answered yet: the last of each node. */
export class PendingHellos {
  readonly #byNode = new Map<number, PendingHello>();

  add(pending: PendingHello): void {
    this.#byNode.set(pending.peer.id, pending);
  }

  /** Takes out and answers those that `isDue`. */
  takeDue(isDue: (pending: PendingHello) => boolean): PendingHello[] {
    const due = [...this.#byNode.values()].filter(isDue);
    for (const { peer } of due) this.#byNode.delete(peer.id);
    return due;
  }

  closed(link: LinkId): void {
    for (const [id, pending] of this.#byNode) if (pending.link === link) this.#byNode.delete(id);
  }
}
