import {
  createServer,
  type Http2Server as NodeHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
  type ServerOptions,
} from "node:http2";
import type { Socket } from "node:net";
import type { NodeSettings } from "../../base/settings/node-settings.ts";

/** Of the node, read when the door opens. */
type Http2Settings = Pick<
  NodeSettings,
  | "http.header.max.bytes"
  | "http.header.max.count"
  | "http2.bad.frames.max"
  | "http2.connection.window.bytes"
  | "http2.session.memory.max.mib"
  | "http2.stream.window.bytes"
  | "http2.streams.max"
>;

export interface Http2Options {
  readonly settings: Http2Settings;
  /** A connection that has sent no SETTINGS by then is closed; a PING is answered within it. */
  readonly setupTimeoutMs: number;
  /** Silence after which a connection is closed, or asked for a sign of life when it has calls. */
  readonly idleTimeoutMs: number;
  /** Answers a request. Its Host header names the authority, as in HTTP/1.1. */
  handle(request: Http2ServerRequest, response: Http2ServerResponse): void;
}

const settingsCountMax = 32;
const pingsOutstandingMax = 10;

/**
 * Carries HTTP requests over HTTP/2 without TLS, for clients that know beforehand (RFC 9113 §3.3).
 * Floods of resets (CVE-2023-44487), PINGs and SETTINGS are ended by nghttp2's own limits.
 */
export class Http2Server {
  readonly #server: NodeHttp2Server;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #options: Http2Options;
  #isClosing = false;

  constructor(options: Http2Options) {
    this.#options = options;
    this.#server = createServer(serverOptions(options), (request, response) => {
      const { authority } = request;
      if (authority !== "") request.headers.host = authority;
      options.handle(request, response);
    });
    this.#server.on("session", (session) => this.#watch(session));
    this.#server.on("sessionError", (_error, session) => session.destroy());
  }

  get connectionCount(): number {
    return this.#sessions.size;
  }

  /** Takes a connection over whose first bytes were put back into the (paused) socket. */
  accept(socket: Socket): void {
    if (this.#isClosing) {
      socket.destroy();
      return;
    }
    this.#server.emit("connection", socket);
  }

  /** Sends GOAWAY; connections end with their last call, or when `graceMs` is over. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    if (this.#sessions.size === 0) return;
    await new Promise<void>((resolve) => {
      const cut = setTimeout(() => {
        for (const session of this.#sessions) session.destroy();
      }, graceMs);
      for (const session of this.#sessions) {
        session.once("close", () => {
          if (this.#sessions.size > 0) return;
          clearTimeout(cut);
          resolve();
        });
        session.close();
      }
    });
  }

  #watch(session: ServerHttp2Session): void {
    const { setupTimeoutMs, idleTimeoutMs } = this.#options;
    this.#sessions.add(session);
    session.setLocalWindowSize(this.#options.settings["http2.connection.window.bytes"]);
    const giveUp = setTimeout(() => session.destroy(), setupTimeoutMs);
    giveUp.unref();
    session.once("remoteSettings", () => clearTimeout(giveUp));
    session.once("close", () => {
      clearTimeout(giveUp);
      this.#sessions.delete(session);
    });
    let callCount = 0;
    session.on("stream", (stream) => {
      callCount += 1;
      stream.once("close", () => (callCount -= 1));
    });
    if (idleTimeoutMs <= 0) return;
    session.setTimeout(idleTimeoutMs, () => {
      if (callCount === 0) session.close();
      else demandAnswer(session, setupTimeoutMs);
    });
  }
}

function serverOptions({ settings }: Http2Options): ServerOptions {
  return {
    maxSessionMemory: settings["http2.session.memory.max.mib"],
    maxSettings: settingsCountMax,
    maxOutstandingPings: pingsOutstandingMax,
    maxHeaderListPairs: settings["http.header.max.count"],
    maxSessionRejectedStreams: settings["http2.bad.frames.max"],
    maxSessionInvalidFrames: settings["http2.bad.frames.max"],
    settings: {
      maxConcurrentStreams: settings["http2.streams.max"],
      maxHeaderListSize: settings["http.header.max.bytes"],
      initialWindowSize: settings["http2.stream.window.bytes"],
    },
  };
}

/** Ends the connection unless its client answers a PING. */
function demandAnswer(session: ServerHttp2Session, withinMs: number): void {
  const cut = setTimeout(() => session.destroy(), withinMs);
  cut.unref();
  if (!session.ping(() => clearTimeout(cut))) session.destroy();
}
