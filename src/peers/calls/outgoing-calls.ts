import type { Cancel, Clock } from "../../base/clock.ts";
import { catalogue } from "../../base/error-catalogue.ts";
import { type ErrorCode, XylemError } from "../../base/errors.ts";
import type { IncomingAnswer } from "../frames/read-frame.ts";

/** The part of a link that calls go over. */
export interface CallLink {
  readonly isOpen: boolean;
  readonly hasRoom: boolean;
  readonly peerLimits: { readonly windowBytes: number };
  fits(bytes: number): boolean;
  ask(id: number, name: string, body: Uint8Array): void;
}

interface Call {
  readonly id: number;
  readonly name: string;
  readonly body: Uint8Array;
  readonly resolve: (body: Uint8Array) => void;
  readonly reject: (error: XylemError) => void;
  readonly stopTimer: Cancel;
  isAsked: boolean;
}

export interface CallRule {
  readonly nodeId: number;
  readonly callsMax: number;
  readonly clock: Clock;
  /** No call is under way any more. */
  readonly onIdle: () => void;
}

/**
 * Calls of this node to one other. A call waits for the link and for room on it, is asked, and
 * ends: by its answer, its time, or the end of the link it was asked on. It is never asked twice.
 */
export class OutgoingCalls {
  readonly #rule: CallRule;
  readonly #calls = new Map<number, Call>();
  #lastId = 0;
  /** Bodies of calls that are asked and not answered. */
  #askedBytes = 0;

  constructor(rule: CallRule) {
    this.#rule = rule;
  }

  get count(): number {
    return this.#calls.size;
  }

  start(name: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const { callsMax, clock, nodeId } = this.#rule;
    return new Promise((resolve, reject) => {
      if (this.#calls.size >= callsMax) {
        const detail = `${callsMax} calls to node ${nodeId} are under way`;
        return reject(new XylemError("THROTTLING_QUOTA_EXCEEDED", detail));
      }
      this.#lastId += 1;
      const id = this.#lastId;
      const stopTimer = clock.schedule(timeoutMs, () => this.#timeOut(id, timeoutMs));
      this.#calls.set(id, { id, name, body, resolve, reject, stopTimer, isAsked: false });
    });
  }

  /**
   * Asks what waits, as far as there is room; calls leave half of the room to record bytes, for
   * some are answered only when records have gone the same way.
   */
  pump(link: CallLink): void {
    const askedBytesMax = link.peerLimits.windowBytes / 2;
    for (const call of this.#calls.values()) {
      if (!link.isOpen || !link.hasRoom) return;
      if (call.isAsked) continue;
      const wouldBeBytes = this.#askedBytes + call.body.length;
      if (this.#askedBytes > 0 && wouldBeBytes > askedBytesMax) return;
      if (link.fits(call.body.length)) {
        call.isAsked = true;
        this.#askedBytes = wouldBeBytes;
        link.ask(call.id, call.name, call.body);
      } else {
        const detail = `${call.name} of ${call.body.length} bytes is more than a frame takes`;
        this.#end(call).reject(new XylemError("MESSAGE_TOO_LARGE", detail));
      }
    }
  }

  /** One that comes too late, or of no call, is passed by. */
  answered({ id, body, failure }: IncomingAnswer, link: CallLink): void {
    const call = this.#calls.get(id);
    if (call === undefined || !call.isAsked) return;
    this.#end(call);
    this.pump(link);
    if (body !== undefined) call.resolve(body);
    else if (failure !== undefined) call.reject(errorOf(failure.code, failure.detail));
  }

  /** The link that calls were asked on is gone. */
  linkClosed(): void {
    const detail = `the link to node ${this.#rule.nodeId} was lost before it answered`;
    for (const call of this.#calls.values()) {
      if (call.isAsked) this.#end(call).reject(new XylemError("NETWORK_EXCEPTION", detail));
    }
  }

  /** Nothing is called any more. */
  stop(): void {
    this.linkClosed();
    for (const call of this.#calls.values()) this.#end(call).reject(this.#unasked(call));
  }

  #timeOut(id: number, timeoutMs: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#end(call);
    if (!call.isAsked) return call.reject(this.#unasked(call));
    const detail = `node ${this.#rule.nodeId} did not answer ${call.name} within ${timeoutMs} ms`;
    call.reject(new XylemError("REQUEST_TIMED_OUT", detail));
  }

  #unasked({ name }: Call): XylemError {
    const detail = `node ${this.#rule.nodeId} was not reached for ${name}`;
    return new XylemError("BROKER_NOT_AVAILABLE", detail);
  }

  #end(call: Call): Call {
    call.stopTimer();
    this.#calls.delete(call.id);
    if (call.isAsked) this.#askedBytes -= call.body.length;
    if (this.#calls.size === 0) this.#rule.onIdle();
    return call;
  }
}

/** A newer node may know more errors than this one. */
function errorOf(code: string, detail: string): XylemError {
  const known = Object.hasOwn(catalogue, code) ? (code as ErrorCode) : "UNKNOWN_SERVER_ERROR";
  return new XylemError(known, known === code ? detail : `${code}: ${detail}`);
}
