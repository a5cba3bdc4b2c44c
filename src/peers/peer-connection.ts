import type { Crc32c } from "../base/crc32c.ts";
import { MalformedError } from "../base/errors.ts";
import type { ReadLease } from "../broker/partition/partition-log.ts";
import type {
  PeerDelivery,
  PeerIdentity,
  PeerLink,
  PeerMessage,
} from "../broker/ports/peer-links.ts";
import type { PeerSocket, PeerSocketEvents } from "../broker/ports/peer-transport.ts";
import { FrameAssembler } from "../protocol/frame.ts";
import { FrameWriter, totalBytes } from "./frames/frame-writer.ts";
import {
  type IncomingAnswer,
  type IncomingCall,
  type IncomingFrame,
  readFrame,
} from "./frames/read-frame.ts";
import type { Agreed } from "./handshake/handshake.ts";
import type { PeerLimits } from "./handshake/handshake-messages.ts";
import { LinkWindow } from "./link-window.ts";

/** Frames are closed at this size: the other side need not wait for long for the first message. */
const frameBytesTarget = 256 * 1_024;
/** What a message, a call or an answer takes besides its bytes, generously. */
const itemBytesMax = 4_096;

/** What a connection needs of the node it belongs to. */
export interface ConnectionHost {
  readonly limits: PeerLimits;
  readonly crc32c: Crc32c;
  /** Calls back after the other work of this turn. */
  soon(work: () => void): void;
  delivered(link: PeerConnection, messages: readonly PeerMessage[], delivery: PeerDelivery): void;
  called(link: PeerConnection, call: IncomingCall): void;
  answered(link: PeerConnection, answer: IncomingAnswer): void;
  /** There is room again. Comes before those who asked by `onRoom`. */
  hasRoomFor(link: PeerConnection): void;
  /** The other side has said whether it wants the link. */
  wantedByPeer(link: PeerConnection): void;
  /** Once; `find` and all else has to know of it before the reason for it can return. */
  closed(link: PeerConnection, reason: string): void;
}

/** Ticks without a sign of life, after which none is counted on. */
const quietTicks = 2;

/**
 * A link over a connection whose two sides have proved who they are. States: open -> closing (what
 * was sent goes out) -> closed. What is sent in one turn leaves in as few frames as fit.
 */
export class PeerConnection implements PeerLink, PeerSocketEvents {
  readonly peer: PeerIdentity;
  /** What the other side takes. */
  readonly peerLimits: PeerLimits;
  /** Until it says otherwise. */
  isWantedByPeer = true;
  /** Calls of the other side that are being answered, or about to be. */
  servedCount = 0;
  sentBytes = 0;
  receivedBytes = 0;
  readonly #socket: PeerSocket;
  readonly #host: ConnectionHost;
  readonly #assembler: FrameAssembler;
  readonly #window: LinkWindow;
  readonly #roomListeners = new Set<() => void>();
  #state: "open" | "closing" | "closed" = "open";
  readonly #version: number;
  #frame: FrameWriter | undefined;
  #leases: ReadLease[] = [];
  #isFlushing = false;
  #hadRoom = true;
  #wasHeard = true;
  #hasSpoken = true;
  #silentTicks = 0;
  #givenUpFor: string | undefined;

  constructor(socket: PeerSocket, { peer, limits, version }: Agreed, host: ConnectionHost) {
    this.#socket = socket;
    this.#host = host;
    this.peer = peer;
    this.peerLimits = limits;
    this.#version = version;
    this.#assembler = new FrameAssembler(host.limits.frameBytesMax);
    this.#window = new LinkWindow(host.limits, limits);
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  get isHeard(): boolean {
    return this.isOpen && (this.#wasHeard || this.#silentTicks < quietTicks);
  }

  get remote(): string {
    return this.#socket.remote;
  }

  get inFlightBytes(): number {
    return this.#window.inFlightBytes + (this.#frame?.sizeBytes ?? 0);
  }

  get hasRoom(): boolean {
    const room = this.#window.hasRoom(this.#frame?.sizeBytes ?? 0);
    if (!room) this.#hadRoom = false;
    return room;
  }

  onRoom(listener: () => void): () => void {
    this.#roomListeners.add(listener);
    return () => this.#roomListeners.delete(listener);
  }

  send(message: PeerMessage, bytes: readonly Uint8Array[] = [], lease?: ReadLease): void {
    if (!this.isOpen) return;
    this.#open(totalBytes(bytes))?.message(message, bytes);
    if (lease !== undefined) this.#leases.push(lease);
    this.#close();
  }

  ask(id: number, name: string, body: Uint8Array): void {
    this.#open(body.length)?.call(id, name, body);
    this.#close();
  }

  answer(id: number, body: Uint8Array): void {
    this.#open(body.length)?.answer(id, body);
    this.#close();
  }

  fail(id: number, code: string, detail: string): void {
    this.#open(0)?.failure(id, code, detail);
    this.#close();
  }

  finish({ body }: IncomingCall): void {
    this.servedCount -= 1;
    this.#tookMore(body.length);
  }

  sayWanted(isWanted: boolean): void {
    this.#open(0)?.wanted(isWanted);
  }

  /** Whether the other side reads a frame with so many bytes in it. */
  fits(bytes: number): boolean {
    return bytes + itemBytesMax <= this.peerLimits.frameBytesMax;
  }

  close(): void {
    if (!this.isOpen) return;
    this.#flush();
    if (!this.isOpen) return;
    this.#state = "closing";
    this.#socket.end();
  }

  /** The other side is told first: it does not look for what was not lost. */
  closeUnwanted(): void {
    this.sayWanted(false);
    this.close();
  }

  /** Another connection is the link from now on. */
  giveWay(): void {
    this.closed("another connection took its place");
    this.#socket.destroy();
  }

  /** Cuts the connection; the host is told later: who sends is not called back from within. */
  giveUp(reason: string): void {
    if (this.#givenUpFor !== undefined || this.#state === "closed") return;
    this.#state = "closing";
    this.#givenUpFor = reason;
    this.#socket.destroy();
  }

  /** Whether it was this side that saw no use in it. */
  get isGivenUp(): boolean {
    return this.#givenUpFor !== undefined;
  }

  /**
   * Once an interval: gives a sign of life after a quiet one. Answers how many intervals in a row
   * brought nothing; one that this process slept through counts once, however long it was.
   */
  tick(): number {
    if (!this.#hasSpoken || this.#window.hasNews) {
      this.#open(0);
      this.#flush();
    }
    this.#hasSpoken = false;
    this.#silentTicks = this.#wasHeard ? 0 : this.#silentTicks + 1;
    this.#wasHeard = false;
    return this.#silentTicks;
  }

  opened(): void {}

  received(bytes: Uint8Array): void {
    this.#wasHeard = true;
    this.receivedBytes += bytes.length;
    if (!this.isOpen) return;
    try {
      for (const body of this.#assembler.push(bytes)) {
        const frame = readFrame(body, this.#host.crc32c);
        this.#window.receive(frame.countedBytes);
        this.#window.peerHasTaken(frame.takenBytes);
        this.#take(frame);
        if (!this.isOpen) return;
      }
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      return this.giveUp(`it sent what can not be read: ${error.message}`);
    }
    this.#tellRoom();
  }

  closed(reason: string): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#frame = undefined;
    this.#leases = [];
    this.#roomListeners.clear();
    this.#host.closed(this, this.#givenUpFor ?? reason);
  }

  #take(frame: IncomingFrame): void {
    const { messages, calls } = frame;
    // The body of a call takes up room until the call is answered.
    const countedBytes = calls.reduce((left, { body }) => left - body.length, frame.countedBytes);
    let holders = 1;
    const release = (): void => {
      holders -= 1;
      if (holders > 0) return;
      this.#tookMore(countedBytes);
    };
    const hold = (): (() => void) => {
      holders += 1;
      let isHeld = true;
      return () => {
        if (isHeld) release();
        isHeld = false;
      };
    };
    if (messages.length > 0) this.#host.delivered(this, messages, { hold });
    for (const call of calls) {
      this.servedCount += 1;
      this.#host.called(this, call);
    }
    for (const answer of frame.answers) this.#host.answered(this, answer);
    release();
    if (frame.isWanted === undefined) return;
    this.isWantedByPeer = frame.isWanted;
    this.#host.wantedByPeer(this);
  }

  #tookMore(countedBytes: number): void {
    this.#window.take(countedBytes);
    if (this.isOpen && this.#window.hasUrgentNews) this.#open(0);
  }

  #tellRoom(): void {
    if (this.#hadRoom || !this.hasRoom) return;
    this.#hadRoom = true;
    this.#host.hasRoomFor(this);
    for (const listener of this.#roomListeners) {
      if (this.isOpen && this.hasRoom) listener();
    }
  }

  /** The frame that takes an item with so many bytes; it leaves at the end of this turn. */
  #open(itemBytes: number): FrameWriter | undefined {
    if (!this.isOpen) return undefined;
    if (this.#frame !== undefined && !this.fits(this.#frame.sizeBytes + itemBytes)) this.#seal();
    if (!this.isOpen) return undefined;
    if (!this.#isFlushing) {
      this.#isFlushing = true;
      this.#host.soon(() => {
        this.#isFlushing = false;
        this.#flush();
      });
    }
    this.#frame ??= new FrameWriter(this.#window.tell(), this.#version);
    return this.#frame;
  }

  #close(): void {
    if ((this.#frame?.sizeBytes ?? 0) >= frameBytesTarget) this.#seal();
  }

  #flush(): void {
    if (this.isOpen && this.#frame !== undefined) this.#seal();
  }

  #seal(): void {
    const { chunks, countedBytes } = (this.#frame as FrameWriter).seal(this.#host.crc32c);
    const leases = this.#leases;
    this.#frame = undefined;
    this.#leases = [];
    this.#hasSpoken = true;
    if (countedBytes > this.peerLimits.frameBytesMax) {
      return this.giveUp(`${countedBytes} bytes at once are more than its peer.frame.max.bytes`);
    }
    this.sentBytes += totalBytes(chunks);
    this.#window.send(countedBytes);
    if (this.#window.isOverrun) return this.giveUp("it takes too little of what it is sent");
    if (leases.length === 0) return this.#socket.write(chunks);
    this.#socket.write(chunks, () => {
      for (const lease of leases) lease.release();
    });
  }
}
