import { formatUuid } from "../../base/uuid.ts";
import { chainKey } from "../../replication/chain-config.ts";
import type { LinkId, Peer } from "../../replication/chain-input.ts";
import type { ChainMessage } from "../../replication/chain-message.ts";
import type { ReadResult } from "../partition/partition-log.ts";
import type { PeerDelivery, PeerLink, PeerLinks, PeerMessage } from "../ports/peer-links.ts";
import { EarlyHellos } from "./early-hellos.ts";

/** A chain's replica, as links reach it. */
export interface LinkedReplica {
  linkOpened(link: LinkId, peer: Peer): void;
  linkClosed(link: LinkId): void;
  roomOpened(): void;
  deliver(link: LinkId, peer: Peer, message: ChainMessage, bytes?: Uint8Array): void;
  /** Resolves once it takes further messages; undefined: it does. */
  writable(): Promise<void> | undefined;
}

interface OpenLink {
  readonly id: LinkId;
  readonly link: PeerLink;
  /** Who waits for room. */
  readonly waiting: Set<LinkedReplica>;
}

/** The links of this node as its chains use them: by number, and each message to its replica. */
export class ChainLinks {
  readonly #links: PeerLinks;
  readonly #replicas = new Map<string, LinkedReplica>();
  readonly #open = new Map<LinkId, OpenLink>();
  readonly #idOf = new WeakMap<PeerLink, LinkId>();
  readonly #wanting = new Map<number, Set<LinkedReplica>>();
  readonly #early = new EarlyHellos();
  readonly #leave: readonly (() => void)[];
  #lastId = 0;

  constructor(links: PeerLinks) {
    this.#links = links;
    this.#leave = [
      links.onOpened((link) => this.#opened(link)),
      links.onMessages((link, messages, delivery) => this.#deliver(link, messages, delivery)),
      links.onClosed((link) => this.#closed(link)),
    ];
  }

  add(key: string, replica: LinkedReplica): void {
    this.#replicas.set(key, replica);
  }

  /** Handshakes that came before the replica was there reach it. */
  hearEarly(key: string, replica: LinkedReplica): void {
    for (const [link, message] of this.#early.take(key) ?? []) {
      const open = this.#open.get(link);
      if (open !== undefined) replica.deliver(link, open.link.peer, message);
    }
  }

  remove(key: string, replica: LinkedReplica): void {
    if (this.#replicas.get(key) === replica) this.#replicas.delete(key);
    for (const { waiting } of this.#open.values()) waiting.delete(replica);
  }

  /** Answers the link that is open already; the replica is told of later ones. */
  want(nodeId: number, replica: LinkedReplica): { id: LinkId; peer: Peer } | undefined {
    const wanting = this.#wanting.get(nodeId) ?? new Set();
    this.#wanting.set(nodeId, wanting.add(replica));
    if (wanting.size === 1) this.#links.want(nodeId);
    const link = this.#links.find(nodeId);
    const id = link && this.#idOf.get(link);
    return link && id !== undefined ? { id, peer: link.peer } : undefined;
  }

  unwant(nodeId: number, replica: LinkedReplica): void {
    const wanting = this.#wanting.get(nodeId);
    if (wanting?.delete(replica) !== true || wanting.size > 0) return;
    this.#wanting.delete(nodeId);
    this.#links.unwant(nodeId);
  }

  send(id: LinkId, message: Omit<PeerMessage, "bytes">, records?: ReadResult): void {
    const link = this.#open.get(id)?.link;
    if (link === undefined) records?.lease?.release();
    else link.send(message, records?.chunks, records?.lease);
  }

  /** Without room the replica is told when there is some. */
  hasRoom(id: LinkId, replica: LinkedReplica): boolean {
    const open = this.#open.get(id);
    if (open === undefined || open.link.hasRoom) return true;
    open.waiting.add(replica);
    return false;
  }

  close(): void {
    for (const leave of this.#leave) leave();
  }

  #opened(link: PeerLink): void {
    const id = (this.#lastId += 1);
    const waiting = new Set<LinkedReplica>();
    this.#idOf.set(link, id);
    this.#open.set(id, { id, link, waiting });
    link.onRoom(() => {
      for (const replica of waiting) {
        if (!link.hasRoom) break;
        waiting.delete(replica);
        replica.roomOpened();
      }
    });
    const wanting = this.#wanting.get(link.peer.id) ?? [];
    for (const replica of wanting) replica.linkOpened(id, link.peer);
  }

  #closed(link: PeerLink): void {
    const id = this.#idOf.get(link);
    if (id === undefined) return;
    this.#open.delete(id);
    this.#early.closed(id);
    for (const replica of this.#replicas.values()) replica.linkClosed(id);
  }

  #deliver(link: PeerLink, messages: readonly PeerMessage[], delivery: PeerDelivery): void {
    const id = this.#idOf.get(link);
    if (id === undefined) return;
    for (const { topicId, partition, message, bytes } of messages) {
      const key = chainKey(formatUuid(topicId), partition);
      const replica = this.#replicas.get(key);
      if (replica === undefined) this.#early.add(key, id, message);
      else replica.deliver(id, link.peer, message, bytes);
      // What it can not take yet takes up the sender's room.
      if (bytes !== undefined) void replica?.writable()?.then(delivery.hold());
    }
  }
}
