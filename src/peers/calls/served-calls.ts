import { assert } from "../../base/assert.ts";
import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { PeerCallHandler, PeerIdentity } from "../../broker/ports/peer-links.ts";
import type { IncomingCall } from "../frames/read-frame.ts";

/** The part of a link that answers go over. */
export interface AnswerLink {
  readonly peer: PeerIdentity;
  readonly isOpen: boolean;
  readonly hasRoom: boolean;
  /** Calls of the other side that are being answered. */
  readonly servedCount: number;
  /** The call is answered: its body takes up room no more. */
  finish(call: IncomingCall): void;
  fits(bytes: number): boolean;
  onRoom(listener: () => void): () => void;
  answer(id: number, body: Uint8Array): void;
  fail(id: number, code: string, detail: string): void;
}

/** Calls that this node answers. */
export class ServedCalls {
  readonly #handlers = new Map<string, PeerCallHandler>();
  readonly #callsMax: number;
  readonly #log: Log;

  constructor(callsMax: number, log: Log) {
    this.#callsMax = callsMax;
    this.#log = log;
  }

  serve(name: string, handler: PeerCallHandler): void {
    assert(!this.#handlers.has(name), `calls of ${name} are served already`);
    this.#handlers.set(name, handler);
  }

  /** Rejects with an XylemError only. */
  async handle(from: PeerIdentity, name: string, body: Uint8Array): Promise<Uint8Array> {
    const handler = this.#handlers.get(name);
    if (handler === undefined) {
      throw new XylemError("UNSUPPORTED_VERSION", `this node knows no call ${name}`);
    }
    try {
      return await handler(from, body);
    } catch (error) {
      if (error instanceof XylemError) throw error;
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#log.error("a call of another node failed", { call: name, node: from.id, reason });
      throw new XylemError("UNKNOWN_SERVER_ERROR", `${name} failed; the node's log says why`);
    }
  }

  /** Answers on the link that the call came by, once there is room, if it is still open then. */
  answer(link: AnswerLink, call: IncomingCall): void {
    const { id, name, body } = call;
    if (link.servedCount > this.#callsMax) {
      const detail = `${this.#callsMax} calls of node ${link.peer.id} are under way`;
      link.finish(call);
      return link.fail(id, "THROTTLING_QUOTA_EXCEEDED", detail);
    }
    this.handle(link.peer, name, body).then(
      (answer) => whenRoom(link, () => send(link, call, answer)),
      (error: XylemError) => {
        link.finish(call);
        link.fail(id, error.code, error.message);
      },
    );
  }
}

function send(link: AnswerLink, call: IncomingCall, answer: Uint8Array): void {
  link.finish(call);
  if (link.fits(answer.length)) return link.answer(call.id, answer);
  const detail = `an answer of ${answer.length} bytes is more than a frame takes`;
  link.fail(call.id, "MESSAGE_TOO_LARGE", detail);
}

function whenRoom(link: AnswerLink, then: () => void): void {
  if (link.hasRoom || !link.isOpen) return then();
  const stop = link.onRoom(() => {
    if (!link.hasRoom) return;
    stop();
    then();
  });
}
