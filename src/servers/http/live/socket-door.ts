import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocketServer } from "ws";
import type { HttpScope } from "../route.ts";
import { LiveSocket } from "./live-socket.ts";

export const socketPath = "/v1/socket";

/** Takes WebSockets (RFC 6455). Their code is loaded by the first one. */
export class SocketDoor {
  readonly #scope: HttpScope;
  #loading: Promise<WebSocketServer> | undefined;
  #count = 0;

  constructor(scope: HttpScope) {
    this.#scope = scope;
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count >= this.#scope.broker.settings["websocket.connections.max"];
  }

  /** Answers the handshake of a request that the guard let through. */
  async accept(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    this.#count += 1;
    stream.once("close", () => (this.#count -= 1));
    stream.on("error", () => undefined);
    this.#loading ??= this.#load();
    try {
      const server = await this.#loading;
      if (stream.destroyed) return;
      server.handleUpgrade(request, stream, head, (socket) => {
        void new LiveSocket(this.#scope, socket, stream);
      });
    } catch (error) {
      this.#loading = undefined;
      this.#scope.broker.log.error("WebSockets could not be loaded", { reason: String(error) });
      stream.destroy();
    }
  }

  async #load(): Promise<WebSocketServer> {
    const { WebSocketServer } = await import("ws");
    return new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // It would cost a compressor for each socket, and each record again for each reader.
      perMessageDeflate: false,
      maxPayload: this.#scope.broker.settings["websocket.message.max.bytes"],
    });
  }
}
