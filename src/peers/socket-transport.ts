import { connect, type Socket } from "node:net";
import type { Cancel, Clock } from "../base/clock.ts";
import {
  closeLingerMs,
  type PeerSocket,
  type PeerSocketEvents,
  type PeerTransport,
} from "../broker/ports/peer-transport.ts";

/** Links over TCP. */
export class SocketTransport implements PeerTransport {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  dial({ host, port }: { host: string; port: number }): PeerSocket {
    const socket = connect({ host, port, noDelay: true, keepAlive: true });
    return new TcpPeerSocket(socket, `${host}:${port}`, this.#clock);
  }

  /** A connection that came in; `head` was read from it already. */
  take(socket: Socket, head: Uint8Array): PeerSocket {
    const remote = `${socket.remoteAddress ?? "gone"}:${socket.remotePort ?? 0}`;
    socket.pause();
    if (head.length > 0) socket.unshift(head);
    return new TcpPeerSocket(socket, remote, this.#clock);
  }
}

class TcpPeerSocket implements PeerSocket {
  readonly remote: string;
  readonly #socket: Socket;
  readonly #clock: Clock;
  #events: PeerSocketEvents | undefined;
  #reason = "the other side closed the connection";
  #isNobodyThere = false;
  #stopLinger: Cancel = () => {};

  constructor(socket: Socket, remote: string, clock: Clock) {
    this.remote = remote;
    this.#socket = socket;
    this.#clock = clock;
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#reason = error.message;
      this.#isNobodyThere = isRefusal(error);
    });
    socket.once("close", () => {
      this.#stopLinger();
      this.#events?.closed(this.#reason, this.#isNobodyThere);
    });
  }

  attach(events: PeerSocketEvents): void {
    const isFirst = this.#events === undefined;
    this.#events = events;
    if (!isFirst) return;
    this.#socket.once("connect", () => this.#events?.opened());
    this.#socket.on("data", (chunk: Uint8Array) => this.#events?.received(plainBytes(chunk)));
    this.#socket.resume();
  }

  write(chunks: readonly Uint8Array[], onSent?: () => void): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    if (chunks.length > 1) socket.cork();
    chunks.forEach((chunk, index) => {
      if (index < chunks.length - 1 || onSent === undefined) socket.write(chunk);
      else socket.write(chunk, (error) => (error ? undefined : onSent()));
    });
    if (chunks.length > 1) socket.uncork();
  }

  end(): void {
    this.#socket.end();
    this.#stopLinger();
    this.#stopLinger = this.#clock.schedule(closeLingerMs, () => this.#socket.destroy());
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** Of a name with several addresses: by each of them. */
function isRefusal(error: NodeJS.ErrnoException): boolean {
  if (error instanceof AggregateError) return error.errors.every(isRefusal);
  return error.code === "ECONNREFUSED";
}

/** Not Node's Buffer, whose `slice` is a view: whoever copies a part of a frame gets a copy. */
function plainBytes({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
