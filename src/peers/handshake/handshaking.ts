import type { Cancel, Clock } from "../../base/clock.ts";
import { MalformedError } from "../../base/errors.ts";
import type { PeerSocket, PeerSocketEvents } from "../../broker/ports/peer-transport.ts";
import { type Agreed, type HandshakeStep, secretDiffers } from "./handshake.ts";

/** One side of a handshake. */
export interface HandshakeMachine {
  readonly introduction?: Uint8Array;
  readonly isProving?: boolean;
  receive(chunk: Uint8Array): HandshakeStep;
}

export interface HandshakingRule {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** The socket is the caller's from here on. */
  readonly onAgreed: (socket: PeerSocket, agreed: Agreed) => void;
  /** The connection is closed. `isNobodyThere` as of `PeerSocketEvents`. */
  readonly onFailed: (reason: string, isNobodyThere: boolean) => void;
}

/** A connection whose sides have not proved who they are; it ends one way, in bounded time. */
export class Handshaking implements PeerSocketEvents {
  readonly #socket: PeerSocket;
  readonly #machine: HandshakeMachine;
  readonly #rule: HandshakingRule;
  readonly #stopTimer: Cancel;
  #isOver = false;

  constructor(socket: PeerSocket, machine: HandshakeMachine, rule: HandshakingRule) {
    this.#socket = socket;
    this.#machine = machine;
    this.#rule = rule;
    const late = `it took more than ${rule.timeoutMs} ms to agree`;
    this.#stopTimer = rule.clock.schedule(rule.timeoutMs, () => {
      this.#fail(late);
      socket.destroy();
    });
    socket.attach(this);
  }

  get remote(): string {
    return this.#socket.remote;
  }

  /** The other side may hold the link for open already: it can not be taken back quietly. */
  get isProving(): boolean {
    return this.#machine.isProving ?? false;
  }

  /** Ends it; nobody is told. */
  cancel(): void {
    if (this.#end()) this.#socket.destroy();
  }

  opened(): void {
    const { introduction } = this.#machine;
    if (introduction !== undefined && !this.#isOver) this.#socket.write([introduction]);
  }

  received(bytes: Uint8Array): void {
    if (this.#isOver) return;
    let step: HandshakeStep;
    try {
      step = this.#machine.receive(bytes);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      return this.#fail(error.message);
    }
    if (step.send.length > 0) this.#socket.write(step.send);
    if (step.failure !== undefined) return this.#fail(step.failure);
    if (step.agreed !== undefined && this.#end()) this.#rule.onAgreed(this.#socket, step.agreed);
  }

  closed(reason: string, isNobodyThere = false): void {
    // A wrong proof is answered by nothing.
    const why = this.isProving ? `${reason} instead of an acceptance; ${secretDiffers}` : reason;
    if (this.#end()) this.#rule.onFailed(why, isNobodyThere);
  }

  #fail(reason: string): void {
    if (!this.#end()) return;
    // What was written, a refusal perhaps, still goes out.
    this.#socket.end();
    this.#rule.onFailed(reason, false);
  }

  /** Whether it was not over yet. */
  #end(): boolean {
    const wasOver = this.#isOver;
    this.#isOver = true;
    this.#stopTimer();
    return !wasOver;
  }
}
