import type { Peer } from "../../../src/replication/chain-input.ts";
import type { ChainMessage } from "../../../src/replication/chain-message.ts";
import type { Slice } from "./model-log.ts";

export interface Parcel {
  readonly message: ChainMessage;
  readonly slice: Slice;
}

interface End {
  readonly peer: Peer;
  readonly inbox: Parcel[];
  isDead: boolean;
}

/** A connection between two nodes in one life each: what is sent arrives in order. */
export class Wire {
  readonly link: number;
  readonly ends: ReadonlyMap<number, End>;
  isOpen = true;

  constructor(link: number, [one, other]: readonly [Peer, Peer]) {
    this.link = link;
    const end = (peer: Peer): End => ({ peer, inbox: [], isDead: false });
    this.ends = new Map([
      [one.id, end(one)],
      [other.id, end(other)],
    ]);
  }

  endOf(id: number): End {
    const end = this.ends.get(id);
    if (end === undefined) throw new Error(`node ${id} is not at this connection`);
    return end;
  }

  otherEnd(id: number): End {
    for (const [other, end] of this.ends) if (other !== id) return end;
    throw new Error(`node ${id} talks to itself`);
  }

  /** Both processes are alive, and the connection is not cut. */
  get isAlive(): boolean {
    return this.isOpen && [...this.ends.values()].every(({ isDead }) => !isDead);
  }

  send(from: number, parcel: Parcel): void {
    if (!this.isOpen || this.endOf(from).isDead) return;
    const other = this.otherEnd(from);
    if (!other.isDead) other.inbox.push(parcel);
  }

  /** The process at this end has died: what it sent may still arrive. */
  die(id: number): void {
    const end = this.endOf(id);
    end.isDead = true;
    end.inbox.length = 0;
  }
}

export function pairOf(one: number, other: number): string {
  return one < other ? `${one}-${other}` : `${other}-${one}`;
}
