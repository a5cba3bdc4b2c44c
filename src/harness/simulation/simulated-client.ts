import type { Cancel, Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { ApiName, ReceivedResponseOf, SentRequestOf } from "../../protocol/api-table.ts";
import { type AskedRequest, RequestFrames } from "../../protocol/request-frames.ts";
import { drawBetween, drawOneIn } from "../../simulation/draw.ts";
import type { ClientEnd, Life } from "./machine.ts";

/** No answer came: whether the request was carried out is not known. */
export class NoAnswer extends Error {
  override name = "NoAnswer";
}

interface Waiting {
  readonly resolve: (body: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly stopTimer: Cancel;
}

export interface Network {
  readonly clock: Clock;
  /** Draws delays and cuts. */
  readonly random: Random;
  /** The process that listens at the moment. */
  process(): Pick<Life, "connect"> | undefined;
}

const delayMsMax = 3;
const frameBytesMax = 2 ** 30;

/** What actors ask brokers with. */
export interface Client {
  /** Rejects with NoAnswer when the connection ends or `timeoutMs` have passed. */
  request<Name extends ApiName>(
    name: Name,
    version: number,
    body: SentRequestOf<Name>,
    timeoutMs?: number,
  ): Promise<ReceivedResponseOf<Name>>;
  /** Which node gave this answer; absent: there is one alone. */
  nodeOf?(answer: object): number | undefined;
  close(): void;
}

/** A Kafka client without rules of its own: requests as frames, one connection at a time. */
export class SimulatedClient implements Client {
  readonly #name: string;
  readonly #network: Network;
  #link: Link | undefined;

  constructor(name: string, network: Network) {
    this.#name = name;
    this.#network = network;
  }

  async request<Name extends ApiName>(
    name: Name,
    version: number,
    body: SentRequestOf<Name>,
    timeoutMs = 10_000,
  ): Promise<ReceivedResponseOf<Name>> {
    if (this.#link === undefined || this.#link.isClosed) {
      this.#link = new Link(this.#name, this.#network);
    }
    return (await this.#link.request(name, version, body, timeoutMs)) as ReceivedResponseOf<Name>;
  }

  close(): void {
    this.#link?.close("the client went");
    this.#link = undefined;
  }
}

/** A broker says nothing to a produce of acks=0. */
function isUnanswered(name: ApiName, body: unknown): boolean {
  return name === "Produce" && (body as SentRequestOf<"Produce">).acks === 0;
}

/** One connection: bytes travel in order, in pieces, and take their time. */
class Link {
  readonly #network: Network;
  readonly #frames: RequestFrames<Waiting>;
  readonly #end: ClientEnd | undefined;
  #lastSentMs = 0;
  #lastReceivedMs = 0;
  isClosed = false;

  constructor(name: string, network: Network) {
    this.#frames = new RequestFrames(name, frameBytesMax);
    this.#network = network;
    this.#end = network.process()?.connect(
      (bytes) => this.#travelBack(bytes),
      () => this.close("the broker closed the connection"),
    );
  }

  request(name: ApiName, version: number, body: unknown, timeoutMs: number): Promise<unknown> {
    if (this.#end === undefined) this.close("nobody listens");
    if (this.isClosed) return Promise.reject(new NoAnswer("nobody listens"));
    const asked = { name, version, body };
    if (isUnanswered(name, body)) {
      this.#send(asked);
      return Promise.resolve({ responses: [] });
    }
    return new Promise((resolve, reject) => {
      const stopTimer = this.#network.clock.schedule(timeoutMs, () => this.close("no answer"));
      this.#send(asked, { resolve, reject, stopTimer });
    });
  }

  close(why: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    for (const { reject, stopTimer } of this.#frames.takeAll()) {
      stopTimer();
      reject(new NoAnswer(why));
    }
    this.#end?.cut();
  }

  #send(asked: AskedRequest, waiting?: Waiting): void {
    this.#travel(this.#frames.write(asked, waiting).toBytes().slice());
  }

  #travel(bytes: Uint8Array): void {
    const { random } = this.#network;
    const isTorn = drawOneIn(random, 8) && bytes.length > 1;
    const cut = isTorn ? drawBetween(random, 1, bytes.length - 1) : bytes.length;
    this.#lastSentMs = this.#arrive(this.#lastSentMs, () => {
      this.#end?.deliver(bytes.subarray(0, cut));
    });
    if (!isTorn) return;
    this.#lastSentMs = this.#arrive(this.#lastSentMs, () => {
      this.#end?.deliver(bytes.subarray(cut));
    });
  }

  #travelBack(bytes: Uint8Array): void {
    this.#lastReceivedMs = this.#arrive(this.#lastReceivedMs, () => this.#receive(bytes));
  }

  /** Runs `arrival` after a while, not before what was sent earlier; answers when. */
  #arrive(afterMs: number, arrival: () => void): number {
    const { clock, random } = this.#network;
    const nowMs = clock.monotonicMs();
    const delayMs = drawBetween(random, 0, delayMsMax * 1_000) / 1_000;
    const arrivalMs = Math.max(afterMs, nowMs + delayMs);
    clock.schedule(arrivalMs - nowMs, () => {
      if (!this.isClosed) arrival();
    });
    return arrivalMs;
  }

  #receive(bytes: Uint8Array): void {
    for (const { waiter, body } of this.#frames.push(bytes)) {
      waiter.stopTimer();
      waiter.resolve(body);
    }
  }
}
