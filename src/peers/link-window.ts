import { MalformedError } from "../base/errors.ts";

/**
 * Messages without record bytes need no room. Past so many windows, and one frame of any size, the
 * other side takes too little.
 */
const overrunFactor = 2;
/** What was taken is told once it is so large a part of the window. */
const toldPart = 4;

/** What a side takes at a time. */
interface Limits {
  readonly windowBytes: number;
  readonly frameBytesMax: number;
}

/**
 * Flow control of one link, in bytes of counted frames since it was opened: the sender stops when
 * a window is in flight, and what the receiver has taken is told with every frame that goes back.
 */
export class LinkWindow {
  readonly #own: Limits;
  readonly #peer: Limits;
  #sent = 0;
  #takenByPeer = 0;
  #received = 0;
  #taken = 0;
  #told = 0;

  constructor(own: Limits, peer: Limits) {
    this.#own = own;
    this.#peer = peer;
  }

  get inFlightBytes(): number {
    return this.#sent - this.#takenByPeer;
  }

  hasRoom(waitingBytes: number): boolean {
    return this.inFlightBytes + waitingBytes < this.#peer.windowBytes;
  }

  /** So much is in flight that the link is of no use. */
  get isOverrun(): boolean {
    return this.inFlightBytes > overrunBytes(this.#peer);
  }

  send(countedBytes: number): void {
    this.#sent += countedBytes;
  }

  /** Throws MalformedError when more was taken than was sent, or less than before. */
  peerHasTaken(takenBytes: number): void {
    if (takenBytes < this.#takenByPeer || takenBytes > this.#sent) {
      throw new MalformedError(`${takenBytes} bytes taken of ${this.#sent} that were sent`);
    }
    this.#takenByPeer = takenBytes;
  }

  /** Throws MalformedError when the other side sends without room. */
  receive(countedBytes: number): void {
    this.#received += countedBytes;
    const held = this.#received - this.#taken;
    if (held > overrunBytes(this.#own)) {
      throw new MalformedError(`${held} bytes were sent without room for them`);
    }
  }

  take(countedBytes: number): void {
    this.#taken += countedBytes;
  }

  /** What the next frame tells; it counts as told. */
  tell(): number {
    this.#told = this.#taken;
    return this.#taken;
  }

  get hasNews(): boolean {
    return this.#taken > this.#told;
  }

  /** The sender may be waiting for it. */
  get hasUrgentNews(): boolean {
    return this.#taken - this.#told >= this.#own.windowBytes / toldPart;
  }
}

function overrunBytes({ windowBytes, frameBytesMax }: Limits): number {
  return overrunFactor * windowBytes + frameBytesMax;
}
