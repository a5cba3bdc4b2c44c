import type { Socket } from "node:net";
import { MalformedError } from "../../base/errors.ts";
import type { Broker } from "../../broker/broker.ts";
import type { FetchBudget } from "../../broker/fetch/fetch-budget.ts";
import type { FetchSessions } from "../../broker/fetch/fetch-sessions.ts";
import { FrameAssembler } from "../../protocol/frame.ts";
import { AnswerOutput } from "./answer-output.ts";
import type { Waiting } from "./door-context.ts";
import { ConnectionRefused, toKafkaError } from "./errors.ts";
import { unknownVersionAnswer } from "./handlers/api-versions.ts";
import type { IntakeBudget, Paused } from "./limits.ts";
import { type PendingRequest, readArrival } from "./pending-request.ts";
import { rehearse } from "./rehearse.ts";
import { type CallSide, RequestCall } from "./request-call.ts";
import { RequestLine } from "./request-line.ts";
import { RequestOrder } from "./request-order.ts";
import type { Traffic } from "./traffic.ts";

/** What a connection shares with the others of its server. */
export interface ConnectionHost {
  readonly broker: Broker;
  readonly fetchBudget: FetchBudget;
  readonly fetchSessions: FetchSessions;
  readonly intake: IntakeBudget;
  readonly traffic: Traffic;
  /** Calls `work` of this connection once in this turn of the loop, after all sockets were read. */
  soon(connection: KafkaConnection): void;
  closed(connection: KafkaConnection): void;
}

const mappedPrefix = "::ffff:";

/**
 * One client: cuts its bytes into requests, starts them as their order allows, and answers in the
 * order they came. States: open -> ending (reads nothing more, answers what it has) -> closed.
 */
export class KafkaConnection implements CallSide, Paused {
  readonly broker: Broker;
  readonly fetchBudget: FetchBudget;
  readonly fetchSessions: FetchSessions;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #assembler: FrameAssembler;
  readonly #order = new RequestOrder();
  readonly #line = new RequestLine();
  readonly #output: AnswerOutput;
  readonly #parked = new Set<Waiting>();
  #unfinishedBytes = 0;
  /** What the budget was told of this connection's answers. */
  #countedAnswerBytes = 0;
  #state: "open" | "ending" | "closed" = "open";
  #isPaused = false;
  #isPumping = false;
  #software = "";
  #lastActiveMs: number;

  constructor(socket: Socket, host: ConnectionHost) {
    this.broker = host.broker;
    this.fetchBudget = host.fetchBudget;
    this.fetchSessions = host.fetchSessions;
    this.#socket = socket;
    this.#host = host;
    this.localAddress = plainAddress(socket.localAddress);
    this.localPort = socket.localPort ?? 0;
    this.remoteAddress = plainAddress(socket.remoteAddress);
    this.remotePort = socket.remotePort ?? 0;
    this.#assembler = new FrameAssembler(host.broker.settings["socket.request.max.bytes"]);
    this.#output = new AnswerOutput(socket, host.traffic, () => this.#flushed());
    this.#lastActiveMs = host.broker.clock.monotonicMs();
  }

  /** Takes the socket over. `head` was read from it already. */
  open(head: Uint8Array): void {
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => this.#receive(plainBytes(chunk)));
    socket.on("drain", () => this.#drained());
    // The close that follows tells all there is to do.
    socket.on("error", () => {});
    socket.once("close", () => this.#closed());
    if (head.length > 0) this.#receive(plainBytes(head));
  }

  /** Milliseconds without a byte in either direction, 0 while a request is under way. */
  idleMs(nowMs: number): number {
    return this.#line.startedCount > 0 && !this.#isClogged() ? 0 : nowMs - this.#lastActiveMs;
  }

  /** Starts what the order allows. */
  work(): void {
    this.#pump();
  }

  /** Answers what was read, then ends. Members that wait for their group are cut off. */
  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#pause();
    for (const waiting of this.#parked) waiting.expire();
    this.#endWhenDone();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  hold(until: Promise<unknown>): void {
    this.#order.hold();
    const release = (): void => {
      this.#order.release();
      this.#pump();
    };
    until.then(release, release);
  }

  park(waiting: Waiting): () => void {
    if (this.#state === "closed") waiting.cancel();
    else if (this.#state === "ending") waiting.expire();
    else this.#parked.add(waiting);
    return () => this.#parked.delete(waiting);
  }

  introduce(softwareName: string, softwareVersion: string): void {
    this.#software = `${softwareName} ${softwareVersion}`;
  }

  resumeReading(): void {
    if (!this.#isPaused || this.#state !== "open") return;
    if (!this.#mayRead()) return this.#host.intake.await(this);
    this.#isPaused = false;
    this.#host.intake.forget(this);
    this.#socket.resume();
  }

  #receive(chunk: Uint8Array): void {
    if (this.#state !== "open") return;
    this.#lastActiveMs = this.broker.clock.monotonicMs();
    this.#host.traffic.bytesIn += chunk.length;
    try {
      for (const frame of this.#assembler.push(chunk)) this.#admit(frame);
      this.#countUnfinished();
    } catch (error) {
      this.#refuse(error);
    }
    if (this.#state === "open" && !this.#mayRead()) this.#pause();
    this.#host.soon(this);
  }

  #admit(frame: Uint8Array): void {
    if (this.#state !== "open") return;
    const arrival = readArrival(frame);
    if (arrival.kind === "unknown") {
      const { requestApiKey, clientId } = arrival.header;
      throw new ConnectionRefused(`API key ${requestApiKey} of client "${clientId}" is not served`);
    }
    const { request } = arrival;
    this.#host.intake.take(request.sizeBytes);
    this.#line.push(request);
    this.#host.traffic.countRequest(request.route.name);
    if (arrival.kind === "unserved") request.isUnserved = true;
  }

  #countUnfinished(): void {
    const change = this.#assembler.pendingBytes - this.#unfinishedBytes;
    this.#unfinishedBytes += change;
    if (!this.#host.intake.changeUnfinished(change)) {
      throw new ConnectionRefused("unfinished requests pass queued.max.request.bytes");
    }
  }

  #pump(): void {
    // A handler may answer at once and so come back here.
    if (this.#isPumping) return;
    this.#isPumping = true;
    while (this.#state !== "closed") {
      const { next } = this.#line;
      if (next === undefined || this.#isClogged()) break;
      const { sharing } = next.route;
      if (!this.#order.mayStart(sharing, this.#fetchesMax())) break;
      this.#line.start();
      this.#order.start(sharing);
      this.#start(next);
    }
    this.#isPumping = false;
    this.resumeReading();
    if (this.#state === "ending") this.#endWhenDone();
  }

  #start(request: PendingRequest): void {
    if (request.isUnserved) return this.#startUnserved(request);
    const { route, apiVersion } = request;
    let body: unknown;
    try {
      body = route.request.read(request.reader, apiVersion);
    } catch (error) {
      this.#refuse(error, request);
      return this.#finish(request, undefined);
    }
    try {
      const answer = this.#handle(request, body);
      if (!(answer instanceof Promise)) return this.#finish(request, answer);
      answer.then(
        (later) => this.#finish(request, later),
        (error: unknown) => this.#fail(request, body, error),
      );
    } catch (error) {
      this.#fail(request, body, error);
    }
  }

  #handle(request: PendingRequest, body: unknown): unknown {
    const call = new RequestCall(request, this);
    const { rehearsal } = this.broker;
    if (rehearsal !== undefined) return rehearse(rehearsal, request, body, call);
    return request.route.handle(body, call);
  }

  /** ApiVersions alone is answered in versions that are not served: clients start with it. */
  #startUnserved(request: PendingRequest): void {
    const { route, apiVersion } = request;
    if (route.name !== "ApiVersions") {
      return this.#fail(
        request,
        undefined,
        new ConnectionRefused(`${route.name} version ${apiVersion} is not served`),
      );
    }
    this.#logRefusedVersion(request);
    request.answerVersion = 0;
    this.#finish(request, unknownVersionAnswer);
  }

  #fail(request: PendingRequest, body: unknown, error: unknown): void {
    if (this.#state === "closed") return;
    if (error instanceof ConnectionRefused) {
      this.#refuse(error, request);
      return this.#finish(request, undefined);
    }
    const { route, apiVersion } = request;
    const place = { api: route.name, apiVersion, client: this.#describe(request) };
    const shown = toKafkaError(error, this.broker.log, place);
    this.#finish(request, route.answerError(body, shown, apiVersion));
  }

  /** Undefined: no answer is owed. */
  #finish(request: PendingRequest, answer: unknown): void {
    if (this.#state === "closed") return;
    this.#order.finish(request.route.sharing);
    this.#host.intake.give(request.sizeBytes);
    try {
      this.#line.settle(request, answer, this.#output);
    } catch (error) {
      const place = { api: request.route.name, apiVersion: request.apiVersion };
      toKafkaError(error, this.broker.log, { ...place, client: this.#describe(request) });
      this.#socket.destroy();
    }
    this.#countAnswers();
    this.#pump();
  }

  #countAnswers(): void {
    const bytes = this.#state === "closed" ? 0 : this.#waitingAnswerBytes();
    this.fetchBudget.change(bytes - this.#countedAnswerBytes);
    this.#countedAnswerBytes = bytes;
  }

  #flushed(): void {
    this.#lastActiveMs = this.broker.clock.monotonicMs();
    this.#countAnswers();
    this.#pump();
  }

  #drained(): void {
    this.#lastActiveMs = this.broker.clock.monotonicMs();
    this.#pump();
  }

  /** A slow reader: its answers pile up, so nothing more is started or read for it. */
  #isClogged(): boolean {
    return this.#waitingAnswerBytes() >= this.broker.settings["queued.max.response.bytes"];
  }

  #waitingAnswerBytes(): number {
    return this.#line.heldBytes + this.#output.waitingBytes;
  }

  /**
   * Each fetch may answer with as much as `fetch.max.bytes`: one always may, unless the node's
   * budget is spent and this client has yet to take what it asked for before.
   */
  #fetchesMax(): number {
    const { settings } = this.broker;
    const waitingBytes = this.#waitingAnswerBytes();
    if (this.fetchBudget.roomBytes === 0) return waitingBytes > 0 ? 0 : 1;
    const room = settings["queued.max.response.bytes"] - waitingBytes;
    return Math.max(1, Math.floor(room / settings["fetch.max.bytes"]));
  }

  #mayRead(): boolean {
    if (this.#state !== "open" || !this.#host.intake.hasRoom || this.#isClogged()) return false;
    return this.#line.length < this.broker.settings["queued.max.requests"];
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
    if (this.#state === "open") this.#host.intake.await(this);
  }

  /** One log line; what was read before is still answered, then the connection ends. */
  #refuse(error: unknown, request?: PendingRequest): void {
    if (this.#state !== "open") return;
    const isExpected = error instanceof MalformedError || error instanceof ConnectionRefused;
    const reason = error instanceof Error ? error.message : String(error);
    this.#host.traffic.refusedCount += 1;
    const last = request ?? this.#line.last;
    this.broker.log[isExpected ? "warn" : "error"]("Kafka connection closed", {
      client: this.#describe(last),
      api: request?.route.name,
      apiVersion: request?.apiVersion,
      reason,
    });
    if (request !== undefined) this.#dropUnstarted();
    this.end();
  }

  /** What came after the request that is to blame. */
  #dropUnstarted(): void {
    for (const { sizeBytes } of this.#line.dropUnstarted()) this.#host.intake.give(sizeBytes);
  }

  #logRefusedVersion(request: PendingRequest): void {
    this.broker.log.info("ApiVersions in an unknown version: the client is told ours", {
      client: this.#describe(request),
      apiVersion: request.apiVersion,
    });
  }

  #describe(request: PendingRequest | undefined): string {
    const name = request?.clientId ? ` ${request.clientId}` : "";
    const software = this.#software === "" ? "" : ` (${this.#software})`;
    return `${this.remoteAddress}${name}${software}`;
  }

  #endWhenDone(): void {
    const isBusy = this.#order.busyCount > 0 || this.#line.next !== undefined;
    if (isBusy && !this.#isClogged()) return;
    if (this.#output.isEmpty) this.#socket.destroySoon();
  }

  #closed(): void {
    this.#state = "closed";
    this.#output.drop();
    this.#countAnswers();
    for (const waiting of this.#parked) waiting.cancel();
    this.#parked.clear();
    const { intake } = this.#host;
    intake.forget(this);
    intake.changeUnfinished(-this.#unfinishedBytes);
    for (const { isDone, sizeBytes } of this.#line.clear()) if (!isDone) intake.give(sizeBytes);
    this.#host.closed(this);
  }
}

/** An IPv4 client of an IPv6 socket, by its IPv4 address. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return "";
  return address.startsWith(mappedPrefix) ? address.slice(mappedPrefix.length) : address;
}

/** Not Node's Buffer, whose `slice` is a view: whoever copies a part of a frame gets a copy. */
function plainBytes({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
