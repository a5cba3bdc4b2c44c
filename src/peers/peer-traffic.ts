import type { PeerLink, PeerLinks } from "../broker/ports/peer-links.ts";

/** All links to one other node since the start. */
export interface NodeTraffic {
  readonly nodeId: number;
  readonly isLinked: boolean;
  /** More than one: it was lost, or ended, and made anew. */
  readonly linkCount: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Sent, and not taken yet by the other side. */
  readonly inFlightBytes: number;
}

interface Counted {
  link: PeerLink | undefined;
  linkCount: number;
  /** Of links that have ended. */
  sentBytes: number;
  receivedBytes: number;
}

/** Counts what goes over the links of this node, by the node at their other end. */
export class PeerTraffic {
  readonly #nodes = new Map<number, Counted>();

  constructor(links: Pick<PeerLinks, "onOpened" | "onClosed">) {
    links.onOpened((link) => this.#opened(link));
    links.onClosed((link) => this.#closed(link));
  }

  /** By node id. */
  get nodes(): readonly NodeTraffic[] {
    const ids = [...this.#nodes.keys()].toSorted((one, other) => one - other);
    return ids.map((nodeId) => {
      const { link, linkCount, sentBytes, receivedBytes } = this.#nodes.get(nodeId) as Counted;
      return {
        nodeId,
        isLinked: link !== undefined,
        linkCount,
        sentBytes: sentBytes + (link?.sentBytes ?? 0),
        receivedBytes: receivedBytes + (link?.receivedBytes ?? 0),
        inFlightBytes: link?.inFlightBytes ?? 0,
      };
    });
  }

  #opened(link: PeerLink): void {
    const { id } = link.peer;
    const counted = this.#nodes.get(id) ?? newNode();
    this.#nodes.set(id, counted);
    counted.link = link;
    counted.linkCount += 1;
  }

  #closed(link: PeerLink): void {
    const counted = this.#nodes.get(link.peer.id);
    if (counted === undefined) return;
    counted.sentBytes += link.sentBytes;
    counted.receivedBytes += link.receivedBytes;
    if (counted.link === link) counted.link = undefined;
  }
}

function newNode(): Counted {
  return { link: undefined, linkCount: 0, sentBytes: 0, receivedBytes: 0 };
}
