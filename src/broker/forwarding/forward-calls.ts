import { MalformedError, XylemError } from "../../base/errors.ts";
import type { StopSignal } from "../../base/stop-signal.ts";
import type { MessageCodec } from "../../protocol/schema/message.ts";
import type { PeerLinks } from "../ports/peer-links.ts";
import { reachNode } from "../ports/reach-node.ts";
import { tellFailure, toError } from "./append-forms.ts";
import { decode, encode, endWaitCall, failure } from "./messages.ts";
import { Waits } from "./waits.ts";

const hello = "forwarded-hello";
/** Time for the word that nobody waits any more. */
const endWaitTimeoutMs = 2_000;
/** Past what the other node takes at the longest. */
const answerMarginMs = 5_000;
/** Requests of one kind that wait for their turn to be sent to a node. */
const queuedMax = 1_024;
const noBytes = new Uint8Array(0);
const isAnswer = 0;
const isFailure = 1;

export interface ForwardedCall<R> {
  readonly name: string;
  readonly body: Uint8Array;
  /** How long the other node may work or wait. */
  readonly timeoutMs: number;
  /** It may stay unanswered for long. */
  readonly isWait?: boolean;
  readonly answer: MessageCodec<R, unknown>;
}

/** Turns at one node. */
interface Lane {
  count: number;
  readonly queue: (() => void)[];
}

/**
 * Asks other nodes what their clients' requests need. Of the calls that a link takes
 * (`peer.calls.max`) half may be such, and a quarter more reads that wait: the cluster's own go on.
 */
export class ForwardCalls {
  readonly #links: PeerLinks;
  readonly #callsMax: number;
  readonly #lanes = new Map<string, Lane>();
  /** What other nodes have wait here. */
  readonly waits = new Waits();
  #lastWaitId = 0;
  #hasStopped = false;

  constructor(links: PeerLinks, callsMax: number) {
    this.#links = links;
    this.#callsMax = callsMax;
    links.serve(hello, () => Promise.resolve(noBytes));
  }

  /**
   * Rejects as PeerLinks.call (BROKER_NOT_AVAILABLE: surely not asked; NETWORK_EXCEPTION and
   * REQUEST_TIMED_OUT: nobody knows), and with what the other node's use case threw.
   */
  async ask<R>(nodeId: number, call: ForwardedCall<R>): Promise<R> {
    const { isWait = false } = call;
    const share = Math.max(1, Math.floor(this.#callsMax / (isWait ? 4 : 2)));
    const lane = this.#laneOf(`${nodeId}/${isWait}`);
    if (lane.count < share) lane.count += 1;
    else if (isWait) throw tooMany(`${share} reads wait`, nodeId);
    else await this.#turn(lane, nodeId);
    try {
      return await this.#ask(nodeId, call);
    } finally {
      const next = lane.queue.shift();
      // Whoever is next takes this turn over.
      if (next === undefined) lane.count -= 1;
      else next();
    }
  }

  /** By which a call that waits can be ended early. */
  nextWaitId(): number {
    this.#lastWaitId += 1;
    return this.#lastWaitId;
  }

  /** Has a call of this node's that waits there answered with what there is. Needs no turn. */
  endWait(nodeId: number, waitId: number): void {
    const body = encode(endWaitCall, { waitId });
    this.#links.call(nodeId, "forwarded-end-wait", body, endWaitTimeoutMs).catch(nothing);
  }

  /** As `ask`, of a call that waits; `waitId` is in its body. Ends early when the signal aborts. */
  async askUntil<R>(
    nodeId: number,
    call: ForwardedCall<R>,
    { waitId, signal }: { readonly waitId: number; readonly signal: StopSignal | undefined },
  ): Promise<R> {
    const end = (): void => this.endWait(nodeId, waitId);
    signal?.addEventListener("abort", end, { once: true });
    try {
      return await this.ask(nodeId, call);
    } finally {
      signal?.removeEventListener("abort", end);
    }
  }

  serve<C, W>(
    name: string,
    forms: { readonly call: MessageCodec<C, unknown>; readonly answer: MessageCodec<unknown, W> },
    handle: (call: C, from: string) => Promise<W>,
  ): void {
    this.#links.serve(name, async (from, body) => {
      const call = decode(forms.call, body);
      try {
        if (this.#hasStopped) throw stopping();
        const answer = await handle(call, `${from.id}/${from.incarnation}`);
        return tagged(isAnswer, encode(forms.answer, answer));
      } catch (error) {
        if (!(error instanceof XylemError)) throw error;
        return tagged(isFailure, encode(failure, tellFailure(error)));
      }
    });
  }

  /** What other nodes ask from here on is refused: they look for another one. */
  stop(): void {
    this.#hasStopped = true;
  }

  async #ask<R>(nodeId: number, call: ForwardedCall<R>): Promise<R> {
    const { name, body, timeoutMs } = call;
    const links = this.#links;
    await reachNode(links, nodeId, hello);
    const answer = await links.call(nodeId, name, body, timeoutMs + answerMarginMs);
    return opened(call, answer);
  }

  #laneOf(key: string): Lane {
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane: Lane = { count: 0, queue: [] };
    this.#lanes.set(key, lane);
    return lane;
  }

  #turn({ queue }: Lane, nodeId: number): Promise<void> {
    if (queue.length >= queuedMax) {
      throw tooMany(`${queuedMax} requests are queued`, nodeId);
    }
    return new Promise((resolve) => queue.push(resolve));
  }
}

function tooMany(what: string, nodeId: number): XylemError {
  const facts = { setting: "peer.calls.max" };
  const detail = `${what} for node ${nodeId} already; try again`;
  return new XylemError("THROTTLING_QUOTA_EXCEEDED", detail, { facts });
}

function stopping(): XylemError {
  return new XylemError("BROKER_NOT_AVAILABLE", "the node is stopping");
}

function tagged(tag: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + body.length);
  bytes[0] = tag;
  bytes.set(body, 1);
  return bytes;
}

function opened<R>({ name, answer: form }: ForwardedCall<R>, bytes: Uint8Array): R {
  let failed: XylemError;
  try {
    if (bytes[0] === isAnswer) return decode(form, bytes.subarray(1));
    if (bytes[0] !== isFailure) throw new MalformedError(`an answer does not begin so`);
    failed = toError(decode(failure, bytes.subarray(1)));
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    const detail = `the answer to ${name} is malformed: ${error.message}`;
    throw new XylemError("UNKNOWN_SERVER_ERROR", detail, { cause: error });
  }
  throw failed;
}

const nothing = (): void => {};
