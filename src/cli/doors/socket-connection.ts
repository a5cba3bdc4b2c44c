import { CommandFailure } from "../exit-codes.ts";
import type { BrokerOptions } from "../kafka-clients.ts";
import { unreachable, urlOf } from "./call-http.ts";

/** What the node sends: a reply to a command, or what a subscription brings. */
export interface SocketMessage {
  readonly type: string;
  readonly id?: number | null;
  readonly cursor?: string;
  readonly error?: { readonly code: string; readonly detail: string };
  /** As it came. */
  readonly text: string;
}

interface Waiting {
  resolve(reply: SocketMessage): void;
  reject(error: Error): void;
}

/** A WebSocket to `/v1/socket` (docs/live.md). */
export class SocketConnection {
  readonly #socket: WebSocket;
  readonly #onMessage: (message: SocketMessage) => void;
  readonly #replies = new Map<number, Waiting>();
  /** Resolves when the socket is closed, by either side. */
  readonly closed: Promise<void>;
  #lastId = 0;

  static async open(
    options: BrokerOptions,
    onMessage: (message: SocketMessage) => void = () => undefined,
  ): Promise<SocketConnection> {
    const socket = new WebSocket(`${urlOf(options).replace(/^http/, "ws")}/v1/socket`);
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = (event) => reject(unreachable(options, reasonOf(event)));
    });
    return new SocketConnection(socket, onMessage);
  }

  private constructor(socket: WebSocket, onMessage: (message: SocketMessage) => void) {
    this.#socket = socket;
    this.#onMessage = onMessage;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.onmessage = ({ data }) => this.#take(String(data));
    socket.onerror = () => undefined;
    socket.onclose = ({ code }) => {
      for (const waiting of this.#replies.values()) waiting.reject(lost(code));
      this.#replies.clear();
      resolve();
    };
  }

  /** Resolves with the reply. Throws CommandFailure with the node's words when it is a refusal. */
  async call(command: object): Promise<SocketMessage> {
    const id = (this.#lastId += 1);
    const reply = await new Promise<SocketMessage>((resolve, reject) => {
      if (this.#socket.readyState !== WebSocket.OPEN) return reject(lost(0));
      this.#replies.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ ...command, id }));
    });
    if (reply.error === undefined) return reply;
    throw new CommandFailure(`${reply.error.detail} (${reply.error.code})`);
  }

  close(): void {
    this.#socket.close();
  }

  #take(text: string): void {
    const message = { ...(JSON.parse(text) as SocketMessage), text };
    const waiting = this.#replies.get(message.id ?? 0);
    if (message.type !== "reply" || waiting === undefined) return this.#onMessage(message);
    this.#replies.delete(message.id ?? 0);
    waiting.resolve(message);
  }
}

function reasonOf(event: Event): unknown {
  return "error" in event ? event.error : new Error("the socket was refused");
}

function lost(code: number): Error {
  return new Error(`the socket was closed (${code})`);
}
