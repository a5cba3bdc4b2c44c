import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { XylemError } from "../../base/errors.ts";
import { AnswerBudget } from "./answer-budget.ts";
import { refuseForeign, type GuardRules } from "./browser-guard.ts";
import { toProblem } from "./errors.ts";
import type { GuestRoutes } from "./guest-routes.ts";
import { type HttpApp, openHttpApp } from "./http-app.ts";
import { LiveReaders } from "./live/live-readers.ts";
import { SocketDoor, socketPath } from "./live/socket-door.ts";
import { LoopTurn } from "./loop-turn.ts";
import { asRehearsedCall } from "./rehearse-call.ts";
import { refuseOnStream } from "./refuse-on-stream.ts";
import { RequestIds } from "./request-ids.ts";
import { Refusal } from "./refusal.ts";
import type { HttpScope, Route } from "./route.ts";
import { routes } from "./routes/index.ts";

/** Of the door itself, not of its options. */
type Own = "closing" | "routes" | "readers" | "answers" | "turn";

export interface HttpOptions extends Omit<HttpScope, Own> {
  readonly rules: GuardRules;
  readonly guests?: GuestRoutes | undefined;
  /** Whether it took a request that the guard let through: calls of the gRPC door. */
  readonly takeCall?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Whether the connection's listener serves WebSockets; absent: each does. */
  readonly takesUpgrades?: (socket: Socket) => boolean;
}

const preflightAgeS = "600";

/** Headers of answers that a listed page's scripts may read besides the usual ones. */
const exposedHeaders =
  "content-disposition, etag, location, retry-after, " +
  "grpc-status, grpc-message, grpc-status-details-bin, " +
  "xylem-cursor, xylem-duplicate, xylem-high-watermark, xylem-log-start, xylem-next-offset, " +
  "x-request-id, xylem-node, xylem-offset, xylem-partition, xylem-timestamp";

/**
 * Offers of other protocols are passed over (RFC 9110, 7.8): some clients offer `h2c` with every
 * request. Of Node 22.21 and 24.9 on, not yet in its types.
 */
interface UpgradeOptions extends ServerOptions {
  readonly shouldUpgradeCallback: (request: IncomingMessage) => boolean;
}

interface Opened {
  readonly app: HttpApp;
  readonly closing: AbortController;
  readonly readers: LiveReaders;
  readonly socketDoor: SocketDoor;
  readonly answers: AnswerBudget;
}

/** The HTTP door: takes connections, shields the node from foreign web pages, hands on the rest. */
export class HttpServer {
  readonly #server: Server;
  readonly #options: HttpOptions;
  readonly #app: HttpApp;
  readonly #closing: AbortController;
  readonly #readers: LiveReaders;
  readonly #socketDoor: SocketDoor;
  readonly #answers: AnswerBudget;
  /** With the requests of each that are under way. */
  readonly #sockets = new Map<Socket, number>();
  /** That are under way. */
  readonly #responses = new Set<ServerResponse>();
  readonly #publicPaths: ReadonlySet<string>;
  /** The Host that was let through last: nearly every request has the same. */
  #knownHost: string | undefined;
  readonly #ids: RequestIds;
  #requestCount = 0;

  private constructor(server: Server, options: HttpOptions, opened: Opened) {
    this.#server = server;
    this.#options = options;
    this.#ids = new RequestIds(options.broker.random);
    this.#app = opened.app;
    this.#closing = opened.closing;
    this.#readers = opened.readers;
    this.#socketDoor = opened.socketDoor;
    this.#answers = opened.answers;
    this.#publicPaths = new Set(routes.filter(isPublic).map(({ path }) => path));
    server.maxHeadersCount = options.broker.settings["http.header.max.count"];
    // A client that takes nothing of its answer, or sends nothing of its request.
    server.timeout = Math.max(0, options.broker.settings["connections.max.idle.ms"]);
    server.on("request", (request, response) => this.#take(request, response));
    server.on("upgrade", (request, stream, head) => this.#upgrade(request, stream, head));
    // Node tracks connections, and so times slow ones out, from the moment a server listens. This
    // one is handed its connections.
    server.emit("listening");
  }

  static async open(options: HttpOptions): Promise<HttpServer> {
    const { settings } = options.broker;
    const requestTimeoutMs = settings["http.request.timeout.ms"];
    const headersTimeoutMs = settings["http.header.timeout.ms"];
    const limits: UpgradeOptions = {
      headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: settings["http.keep.alive.ms"],
      maxHeaderSize: settings["http.header.max.bytes"],
      connectionsCheckingInterval: headersTimeoutMs,
      shouldUpgradeCallback: ({ headers }) => /^websocket$/i.test(headers.upgrade ?? ""),
    };
    const server = createServer(limits);
    const closing = new AbortController();
    const readers = new LiveReaders(options.broker, closing.signal);
    const answers = new AnswerBudget(options.broker);
    const own = { closing: closing.signal, routes, readers, answers, turn: new LoopTurn() };
    const scope = { ...options, ...own };
    const app = await openHttpApp(server, scope, options.guests);
    return new HttpServer(server, options, {
      app,
      closing,
      readers,
      answers,
      socketDoor: new SocketDoor(scope),
    });
  }

  get requestCount(): number {
    return this.#requestCount;
  }

  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Streams of events and WebSockets, and what they were given and have not taken. */
  get live(): { readonly events: number; readonly sockets: number; readonly backlogBytes: number } {
    const sockets = this.#socketDoor.count;
    const { count, backlogBytes } = this.#readers;
    return { events: Math.max(0, count - sockets), sockets, backlogBytes };
  }

  /** Of request bodies under way, and of answers with records that clients have not taken. */
  get heldBytes(): { readonly bodies: number; readonly answers: number } {
    return { bodies: this.#app.bodyBytes, answers: this.#answers.bytes };
  }

  /** Takes a connection over whose first bytes were put back into the (paused) socket. */
  accept(socket: Socket): void {
    this.#sockets.set(socket, 0);
    // Not `once`, which keeps a wrapper for as long as the connection lasts.
    socket.on("close", () => this.#sockets.delete(socket));
    this.#server.emit("connection", socket);
    process.nextTick(() => socket.resume());
  }

  /** Node reads on while answers are outstanding: who asks without end is cut off. */
  #take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const { log, settings } = this.#options.broker;
    const count = (this.#sockets.get(socket) ?? 0) + 1;
    if (count > settings["queued.max.requests"]) {
      if (!socket.destroyed) log.warn("connection closed: queued.max.requests is reached");
      socket.destroy();
      return;
    }
    this.#sockets.set(socket, count);
    this.#responses.add(response);
    if (this.#closing.signal.aborted) response.shouldKeepAlive = false;
    response.on("close", () => {
      this.#responses.delete(response);
      const left = this.#sockets.get(socket);
      if (left !== undefined) this.#sockets.set(socket, left - 1);
    });
    this.handle(request, response);
  }

  /** Answers one request, the guard first. HTTP/2's compatible request and response will do. */
  handle(request: IncomingMessage, response: ServerResponse): void {
    this.#requestCount += 1;
    this.#ids.name(request, response);
    this.#admitListed(request.headers.origin, response);
    const refusal = this.#refuse(request);
    if (refusal !== undefined) {
      this.#discardBody(request);
      sendRefusal(response, refusal);
    } else if (isPreflight(request)) answerPreflight(response);
    else this.#answer(request, response);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { rehearsal } = this.#options.broker;
    if (rehearsal === undefined) return this.#serve(request, response);
    const call = asRehearsedCall(request, response, {
      path: pathOf(request.url ?? "/"),
      serve: () => this.#serve(request, response),
      refuse: (error) => {
        this.#discardBody(request);
        sendRefusal(response, error);
      },
    });
    rehearsal.answerCall(call);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    if (this.#options.takeCall?.(request, response) === true) return;
    if (request.method === "GET" || request.method === "HEAD") this.#discardBody(request);
    this.#app.handle(request, response);
  }

  /** A body that no route takes is thrown away; who sends too much of one is cut off. */
  #discardBody(request: IncomingMessage): void {
    const bytesMax = this.#options.broker.settings["http.body.discarded.max.bytes"];
    let sizeBytes = 0;
    request.on("data", (chunk: Uint8Array) => {
      sizeBytes += chunk.length;
      if (sizeBytes > bytesMax) request.destroy();
    });
  }

  /** Ends idle connections now, busy ones after their answer or when `graceMs` is over. */
  async close(graceMs: number): Promise<void> {
    for (const response of this.#responses) response.shouldKeepAlive = false;
    this.#closing.abort();
    this.#server.close();
    this.#server.closeIdleConnections();
    if (this.#sockets.size === 0) return;
    await new Promise<void>((resolve) => {
      const cut = setTimeout(() => {
        for (const socket of this.#sockets.keys()) socket.destroy();
      }, graceMs);
      const check = (): void => {
        if (this.#sockets.size > 0) return;
        clearTimeout(cut);
        resolve();
      };
      for (const socket of this.#sockets.keys()) socket.once("close", check);
    });
  }

  /** Ends what a program's own routes have open. After the last request, HTTP/2's included. */
  async closeRoutes(): Promise<void> {
    await this.#app.close();
  }

  /** WebSockets have one path. What is refused is told as any other request. */
  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    this.#requestCount += 1;
    const path = pathOf(request.url ?? "/");
    const refusal =
      this.#refuse(request) ??
      (path === socketPath && this.#takesUpgrades(request) ? undefined : noSocketAt(path)) ??
      (this.#socketDoor.isFull ? tooManySockets() : undefined);
    if (refusal === undefined) void this.#socketDoor.accept(request, stream, head);
    else refuseOnStream(stream, refusal);
  }

  #takesUpgrades({ socket }: IncomingMessage): boolean {
    return this.#options.takesUpgrades?.(socket) ?? true;
  }

  /** Browsers hand an answer to a page of another origin only when it names that origin. */
  #admitListed(origin: string | undefined, response: ServerResponse): void {
    response.setHeader("vary", "origin");
    response.setHeader("cache-control", "no-store");
    response.setHeader("x-content-type-options", "nosniff");
    const { cluster } = this.#options.broker;
    if (cluster !== undefined) response.setHeader("xylem-node", cluster.nodeId);
    if (origin === undefined || !this.#options.rules.origins.includes(origin)) return;
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader("access-control-expose-headers", exposedHeaders);
  }

  /** Also where users will be found: whoever asks is anonymous. */
  #refuse(request: IncomingMessage): Refusal | undefined {
    const { host, origin, upgrade } = request.headers;
    if (origin === undefined && host !== undefined && host === this.#knownHost) return undefined;
    const detail = refuseForeign(
      {
        method: requestedMethod(request),
        host: host ?? authorityOf(request),
        origin,
        isData: !this.#publicPaths.has(pathOf(request.url ?? "/")),
        isUpgrade: upgrade !== undefined,
      },
      this.#options.rules,
    );
    if (detail === undefined) {
      this.#knownHost = host;
      return undefined;
    }
    return new Refusal(403, detail, { code: "CLUSTER_AUTHORIZATION_FAILED" });
  }
}

const isPublic = (one: Route): boolean => one.isPublic === true;

/** HTTP/2 has the host in a pseudo-header. */
function authorityOf({ headers }: IncomingMessage): string | undefined {
  return headers[":authority"] as string | undefined;
}

const requestedMethod = ({ method }: IncomingMessage): string => method ?? "GET";

/** What a browser asks before a page of a listed origin may do more than a form could. */
function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === "OPTIONS" && headers["access-control-request-method"] !== undefined;
}

function answerPreflight(response: ServerResponse): void {
  response.writeHead(204, {
    "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "access-control-allow-headers":
      "accept, authorization, content-type, idempotency-key, if-match, if-none-match, " +
      "last-event-id, connect-protocol-version, connect-timeout-ms, grpc-timeout, " +
      "x-grpc-web, x-request-id, x-user-agent",
    "access-control-max-age": preflightAgeS,
  });
  response.end();
}

function sendRefusal(response: ServerResponse, refusal: Refusal | XylemError): void {
  const { problem, headers } = toProblem(refusal);
  const body = JSON.stringify(problem);
  response.writeHead(problem.status, {
    ...headers,
    "content-type": "application/problem+json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}

const noSocketAt = (path: string): Refusal =>
  new Refusal(404, `No WebSocket is at ${path}.`, { code: "RESOURCE_NOT_FOUND" });

const tooManySockets = (): Refusal =>
  new Refusal(503, "There are too many WebSockets; try again.", {
    code: "THROTTLING_QUOTA_EXCEEDED",
    headers: { "retry-after": "1" },
    facts: { setting: "websocket.connections.max" },
  });
