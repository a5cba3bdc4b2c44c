import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Log } from "../../base/log.ts";
import { refuseForeign, type GuardRules } from "./browser-guard.ts";
import { sendProblem } from "./problem.ts";
import { routes, type NodeStatus, type Route } from "./routes.ts";

export interface HttpOptions {
  readonly node: NodeStatus;
  readonly log: Log;
  readonly rules: GuardRules;
}

const headersTimeoutMs = 10_000;
const requestTimeoutMs = 30_000;
const keepAliveTimeoutMs = 5_000;
const headersCountMax = 100;
const headersSizeBytesMax = 16_384;
/** A request of a client that does not stop talking is refused, not read: nothing takes bodies. */
const bodySizeBytesMax = 65_536;

/** The HTTP door: health, readiness and metrics, shielded from foreign web pages. */
export class HttpServer {
  readonly #server: Server;
  readonly #options: HttpOptions;
  readonly #sockets = new Set<Socket>();
  #requestCount = 0;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        headersTimeout: headersTimeoutMs,
        requestTimeout: requestTimeoutMs,
        keepAliveTimeout: keepAliveTimeoutMs,
        maxHeaderSize: headersSizeBytesMax,
        connectionsCheckingInterval: headersTimeoutMs,
      },
      (request, response) => void this.#answer(request, response),
    );
    this.#server.maxHeadersCount = headersCountMax;
    this.#server.on("upgrade", refuseUpgrade);
    this.#server.on("clientError", (_error, socket) => endMalformed(socket as Socket));
    // Node tracks connections, and so times slow ones out, from the moment a server listens. This
    // one is handed its connections.
    this.#server.emit("listening");
  }

  get requestCount(): number {
    return this.#requestCount;
  }

  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Takes a connection over whose first bytes were put back into the (paused) socket. */
  accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    this.#server.emit("connection", socket);
    process.nextTick(() => socket.resume());
  }

  /** Ends idle connections now, busy ones after their answer or when `graceMs` is over. */
  async close(graceMs: number): Promise<void> {
    this.#server.close();
    this.#server.closeIdleConnections();
    if (this.#sockets.size === 0) return;
    await new Promise<void>((resolve) => {
      const cut = setTimeout(() => this.#server.closeAllConnections(), graceMs);
      const check = (): void => {
        if (this.#sockets.size > 0) return;
        clearTimeout(cut);
        resolve();
      };
      for (const socket of this.#sockets) socket.once("close", check);
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#requestCount += 1;
    discardBody(request);
    this.#admitListed(request.headers.origin, response);
    const path = pathOf(request.url ?? "/");
    const route = routes.find((candidate) => candidate.path === path);
    const refusal = this.#refuse(request, route);
    if (refusal !== undefined) {
      sendProblem(response, { status: 403, title: "Forbidden", detail: refusal });
    } else if (route === undefined) {
      sendProblem(response, { status: 404, title: "Not Found", detail: `Nothing is at ${path}.` });
    } else if (request.method !== "GET" && request.method !== "HEAD") {
      sendProblem(response, {
        status: 405,
        title: "Method Not Allowed",
        detail: `${path} answers GET and HEAD.`,
        headers: { allow: "GET, HEAD" },
      });
    } else await this.#handle(route, request, response);
  }

  /** Browsers hand an answer to a page of another origin only when it names that origin. */
  #admitListed(origin: string | undefined, response: ServerResponse): void {
    response.setHeader("vary", "origin");
    if (origin === undefined || !this.#options.rules.origins.includes(origin)) return;
    response.setHeader("access-control-allow-origin", origin);
  }

  #refuse(request: IncomingMessage, route: Route | undefined): string | undefined {
    const guarded = {
      method: request.method ?? "GET",
      host: request.headers.host,
      origin: request.headers.origin,
      isData: route?.isData ?? true,
      isUpgrade: request.headers.upgrade !== undefined,
    };
    return refuseForeign(guarded, this.#options.rules);
  }

  async #handle(route: Route, request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const answer = await route.handle(this.#options.node);
      response.writeHead(answer.status, {
        "content-type": answer.contentType,
        "content-length": Buffer.byteLength(answer.text),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      });
      response.end(request.method === "HEAD" ? undefined : answer.text);
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#options.log.error("an HTTP request failed", { path: route.path, reason });
      if (response.headersSent) response.destroy();
      else {
        sendProblem(response, {
          status: 500,
          title: "Internal Server Error",
          detail: "The request failed; the node's log says why.",
        });
      }
    }
  }
}

function discardBody(request: IncomingMessage): void {
  let sizeBytes = 0;
  request.on("data", (chunk: Uint8Array) => {
    sizeBytes += chunk.length;
    if (sizeBytes > bodySizeBytesMax) request.destroy();
  });
}

function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}

function refuseUpgrade(_request: IncomingMessage, socket: { end(text: string): void }): void {
  socket.end("HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
}

function endMalformed(socket: Socket): void {
  if (socket.writable) {
    socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  } else socket.destroy();
}
