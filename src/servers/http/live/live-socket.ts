import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import { XylemError } from "../../../base/errors.ts";
import { anonymous } from "../../../base/principal.ts";
import { openFollowing } from "../../../broker/follow/open-following.ts";
import { appendRecords } from "../../../broker/records/append-records.ts";
import { parsePosition } from "../../../broker/records/position.ts";
import { parseRecordFilter } from "../../../broker/records/record-filter.ts";
import { toProblem } from "../errors.ts";
import { ackAsMember, fetchAsMember, leaveAsMember } from "../groups/member-calls.ts";
import { checkCounts, parseExactly, toNewRecords } from "../records/parse-record-list.ts";
import { checkContentTypes, contentTypeOf } from "../records/parse-records.ts";
import { clientId, tellOutcome } from "../records/tell-outcome.ts";
import type { HttpScope } from "../route.ts";
import type { ListedRecord } from "../schemas/record.ts";
import { parseTopicWish } from "./follow-request.ts";
import type { LiveReader } from "./live-readers.ts";
import { PacedOutput } from "./paced-output.ts";
import {
  type AppendCommand,
  checkCommand,
  type CommandId,
  commandId,
  type FetchCommand,
  type SocketCommand,
  type SubscribeCommand,
} from "./socket-commands.ts";
import { SocketSubscription } from "./socket-subscription.ts";

/** Close codes (RFC 6455, 7.4.1). */
const goingAway = 1_001;
const policyViolation = 1_008;

/** Commands in a row that can not be read: past it nobody means well. */
const badCommandsMax = 100;
/** Pings without an answer after which the peer is taken for gone. */
const lostPingsMax = 3;
const acksNumbers = { "0": 0, "1": 1, all: -1 } as const;

interface ArrivedCommand {
  readonly text: string;
  readonly isBinary: boolean;
}

/** One WebSocket: commands come in, replies and records go out, in one JSON text a message. */
export class LiveSocket implements LiveReader {
  readonly #scope: HttpScope;
  readonly #socket: WebSocket;
  readonly #output: PacedOutput;
  /** Fetches of groups that wait answer when the socket ends. */
  readonly #closing = new AbortController();
  readonly #subscriptions = new Map<string, SocketSubscription | undefined>();
  /** Came with others that are under way: one read of the connection brings many. */
  #arrived: ArrivedCommand[] = [];
  #underWayCount = 0;
  #underWayBytes = 0;
  /** Of answers with records, until the client has taken all it was sent. */
  #heldBytes = 0;
  #badCount = 0;
  #lostPings = 0;
  #pingedMs: number;

  constructor(scope: HttpScope, socket: WebSocket, stream: Duplex) {
    this.#scope = scope;
    this.#socket = socket;
    this.#pingedMs = scope.broker.clock.monotonicMs();
    this.#output = new PacedOutput(scope.readers, {
      write: (bytes) => {
        if (socket.readyState === socket.OPEN) socket.send(bytes, { binary: false });
        return !stream.writableNeedDrain;
      },
      destroy: () => socket.terminate(),
    });
    stream.on("drain", () => this.#drained());
    socket.on("message", (message, isBinary) => this.#take(message, isBinary));
    socket.on("pong", () => (this.#lostPings = 0));
    socket.on("error", () => undefined);
    socket.on("close", () => this.#gone());
    scope.readers.add(this);
  }

  check(nowMs: number): void {
    this.#output.check(nowMs);
    if (nowMs - this.#pingedMs < this.#scope.broker.settings["live.heartbeat.ms"]) return;
    // Its answers to pings are not read either: what it waits for ends, or it is found slow.
    if (this.#socket.isPaused) return;
    this.#pingedMs = nowMs;
    if (this.#lostPings >= lostPingsMax) this.#socket.terminate();
    else if (this.#socket.readyState === this.#socket.OPEN) {
      this.#lostPings += 1;
      this.#socket.ping();
    }
  }

  close(): void {
    this.#closing.abort();
    if (this.#output.isFull) this.#socket.terminate();
    else this.#socket.close(goingAway, "the node stops");
  }

  #take(message: RawData, isBinary: boolean): void {
    this.#lostPings = 0;
    this.#arrived.push({ text: (message as Buffer).toString(), isBinary });
    this.#start();
  }

  #drained(): void {
    this.#output.drained();
    this.#releaseHeld();
    this.#start();
  }

  /** Past its bounds, or while its client does not take what it was sent, it begins nothing new. */
  get #isFull(): boolean {
    const { settings } = this.#scope.broker;
    return (
      this.#output.isFull ||
      this.#underWayCount >= settings["websocket.commands.max"] ||
      this.#underWayBytes >= settings["websocket.message.max.bytes"]
    );
  }

  /** Begins what has come, as far as it may; the socket is not read while there is some left. */
  #start(): void {
    while (!this.#isFull) {
      const next = this.#arrived.shift();
      if (next === undefined) break;
      this.#begin(next);
    }
    const isLeft = this.#isFull || this.#arrived.length > 0;
    if (isLeft && !this.#socket.isPaused) this.#socket.pause();
    else if (!isLeft && this.#socket.isPaused) this.#socket.resume();
  }

  #begin({ text, isBinary }: ArrivedCommand): void {
    this.#underWayCount += 1;
    this.#underWayBytes += text.length;
    void this.#answer(text, isBinary).finally(() => {
      this.#underWayCount -= 1;
      this.#underWayBytes -= text.length;
      this.#start();
    });
  }

  async #answer(text: string, isBinary: boolean): Promise<void> {
    let message: unknown;
    try {
      if (isBinary) throw new XylemError("INVALID_REQUEST", "A command is one JSON text.");
      message = parseJson(text);
      const command = checkCommand(message);
      this.#badCount = 0;
      const told = await this.#carryOut(command, text);
      if (typeof told === "string") this.#sendRecords(commandId(message), told);
      else this.#reply({ id: commandId(message), ok: true, ...told });
    } catch (error) {
      this.#refuse(message, error);
    }
  }

  #refuse(message: unknown, error: unknown): void {
    if (toProblem(error).isOwnFault) this.#scope.readers.tellDefect(error);
    const told = tellError(error);
    this.#reply({ id: commandId(message), ok: false, ...told });
    if (told.error.code !== "INVALID_REQUEST") return;
    this.#badCount += 1;
    if (this.#badCount > badCommandsMax) this.#socket.close(policyViolation, "bad commands only");
  }

  #reply(fields: object): void {
    this.#send(JSON.stringify({ type: "reply", ...fields }));
  }

  #send(text: string): void {
    this.#output.write(Buffer.from(text));
  }

  /** Counts with all other answers that wait for their clients. */
  #sendRecords(id: CommandId, told: string): void {
    const bytes = Buffer.from(`${openReply(id)},${told.slice(1)}`);
    this.#scope.answers.take(bytes.length);
    this.#heldBytes += bytes.length;
    this.#output.write(bytes);
    if (!this.#output.isFull) this.#releaseHeld();
  }

  #releaseHeld(): void {
    this.#scope.answers.release(this.#heldBytes);
    this.#heldBytes = 0;
  }

  /** What the reply says besides, as an object or as its JSON. */
  async #carryOut(command: SocketCommand, text: string): Promise<object | string> {
    const scope = this.#scope;
    switch (command.type) {
      case "ping":
        return {};
      case "subscribe":
        return await this.#subscribe(command);
      case "unsubscribe":
        return this.#unsubscribe(command.subscription);
      case "credit":
        this.#find(command.subscription).addCredits(command.credits);
        return {};
      case "append":
        return await this.#append(command, text);
      case "fetch":
        return await this.#fetch(command);
      case "ack":
        return await ackAsMember(scope, command.group, command);
      case "leave":
        await leaveAsMember(scope, command.group, command);
        return {};
    }
  }

  async #fetch(command: FetchCommand): Promise<string> {
    const room = this.#scope.answers.share();
    try {
      const how = { signal: this.#closing.signal, room };
      return await fetchAsMember(this.#scope, command.group, command, how);
    } finally {
      // From here on its text counts.
      room.end();
    }
  }

  async #subscribe(command: SubscribeCommand): Promise<object> {
    const { subscription: name, credits } = command;
    const { settings } = this.#scope.broker;
    if (this.#subscriptions.has(name)) throw invalid(`${name} is subscribed already.`);
    const most = settings["websocket.subscriptions.max"];
    if (this.#subscriptions.size >= most) {
      throw invalid(`A socket has at most ${most} subscriptions: websocket.subscriptions.max.`);
    }
    // The name is taken from here on; it is given back when this fails.
    this.#subscriptions.set(name, undefined);
    try {
      const following = await openFollowing(this.#scope, {
        wishes: command.topics.map(parseTopicWish),
        from: parsePosition(command.from ?? "latest"),
        cursor: command.cursor,
        filter: parseRecordFilter(Object.entries(command.filter ?? {})),
        sizeBytesMax: settings["http.filter.scan.max.bytes"],
        partitionsMax: settings["live.partitions.max"],
        tooMany: "live.partitions.max is the bound",
      });
      const output = this.#output;
      const onOver = (): void => void this.#subscriptions.delete(name);
      const made = new SocketSubscription({ name, following, output, credits, onOver });
      this.#subscriptions.set(name, made);
      if (this.#socket.readyState !== this.#socket.OPEN) made.close();
      else setImmediate(() => this.#run(made));
      return { subscription: name, partitions: made.partitionCount, cursor: made.cursor };
    } catch (error) {
      this.#subscriptions.delete(name);
      throw error;
    }
  }

  #run(subscription: SocketSubscription): void {
    subscription.run().catch((error: unknown) => {
      this.#scope.readers.tellDefect(error);
      this.#socket.terminate();
    });
  }

  #unsubscribe(name: string): object {
    const subscription = this.#find(name);
    subscription.close();
    this.#subscriptions.delete(name);
    return { subscription: name, cursor: subscription.cursor };
  }

  #find(name: string): SocketSubscription {
    const found = this.#subscriptions.get(name);
    if (found !== undefined) return found;
    throw invalid(`${name} is not subscribed.`);
  }

  async #append(command: AppendCommand, text: string): Promise<object> {
    const { broker, tools } = this.#scope;
    const { topic, acks = "all", durability, minReplicas, expectedOffset } = command;
    const { idempotencyKey: key } = command;
    // Once more, for numbers that are to be kept digit for digit.
    const listed = parseExactly(text) as { readonly records: readonly ListedRecord[] };
    checkCounts(listed, broker.settings);
    const records = toNewRecords(listed.records);
    checkContentTypes(records, contentTypeOf(broker, topic));
    const outcome = await appendRecords(broker, tools, {
      topic,
      records,
      acks: acksNumbers[acks],
      timeoutMs: broker.settings["append.timeout.ms"],
      clientId,
      durability,
      minReplicas,
      expectedOffset,
      idempotency: key === undefined ? undefined : { scope: anonymous, key },
    });
    const told = tellOutcome(outcome);
    return outcome.error === undefined ? told : { ok: false, ...tellError(outcome.error), ...told };
  }

  #gone(): void {
    this.#closing.abort();
    for (const subscription of this.#subscriptions.values()) subscription?.close();
    this.#arrived = [];
    this.#scope.readers.remove(this);
    this.#output.drained();
    this.#releaseHeld();
  }
}

/** An error as HTTP's problem documents have it, but for what only a document needs. */
function tellError(error: unknown) {
  return { error: { ...toProblem(error).problem, type: undefined, title: undefined } };
}

const openReply = (id: CommandId): string =>
  JSON.stringify({ type: "reply", id, ok: true }).slice(0, -1);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`A command is one JSON text: ${(error as Error).message}`);
  }
}

function invalid(detail: string): XylemError {
  return new XylemError("INVALID_REQUEST", detail);
}
