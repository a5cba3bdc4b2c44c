import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/** The broker's end of a connection that goes nowhere but to a simulated client. */
class SimulatedSocket extends Duplex {
  readonly localAddress = "127.0.0.1";
  readonly localPort = 9_092;
  readonly remoteAddress = "127.0.0.1";
  readonly #onBytes: (bytes: Uint8Array) => void;

  constructor(onBytes: (bytes: Uint8Array) => void) {
    super({ allowHalfOpen: false });
    this.#onBytes = onBytes;
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.#onBytes(chunk.slice());
    done();
  }

  setNoDelay(): this {
    return this;
  }

  destroySoon(): void {
    this.end(() => this.destroy());
  }
}

/** What a client does to the socket that it is connected to. */
export interface SocketEnd {
  readonly socket: Socket;
  /** Brings bytes in. They are the broker's from then on. */
  deliver(bytes: Uint8Array): void;
  /** Ends the connection without a word. */
  cut(): void;
}

/** Has the methods of a socket that the door uses, not its descriptor. */
export function simulateSocket(
  onBytes: (bytes: Uint8Array) => void,
  onClosed: () => void,
): SocketEnd {
  const duplex = new SimulatedSocket(onBytes);
  duplex.once("close", onClosed);
  return {
    socket: duplex as unknown as Socket,
    deliver: (bytes) => {
      if (!duplex.destroyed) duplex.push(bytes);
    },
    cut: () => duplex.destroy(),
  };
}
