import "node:cluster";
import "node:dns";
import { createServer, isIPv6, type ListenOptions, type Server, type Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { ConnectionCount } from "./connection-count.ts";
import { tellProtocol, type ToldProtocol } from "./first-bytes.ts";
import type { Door, PlannedListener } from "./listener-plan.ts";
import { explainRefusal, refuse } from "./refuse-connection.ts";

/** Who serves a connection once its protocol is known. Each takes the socket over at once. */
export interface Doors {
  /** `head` holds the bytes that were read already. */
  kafka(socket: Socket, head: Uint8Array): void;
  /** What was read is back in the socket, which is paused. `served` are the listener's doors. */
  http(socket: Socket, served: ReadonlySet<Door>): void;
  http2(socket: Socket, served: ReadonlySet<Door>): void;
  /** Another node of the cluster. `head` holds the bytes that were read already. */
  peer(socket: Socket, head: Uint8Array): void;
}

/**
 * The address. 127.0.0.1 and localhost are loopback in both families; port 0 is any free port, the
 * same on both families.
 */
export interface ListeningOptions extends PlannedListener {
  /** A peer that does not say what it speaks within this is closed. */
  readonly setupTimeoutMs: number;
  readonly clock: Clock;
  /** Further connections than it lets in are closed at once. */
  readonly connections: ConnectionCount;
  /** Connections that may wait to be accepted. */
  readonly backlogConnections: number;
}

// Node's first `listen` loads the two modules above and compiles what tells addresses apart: 3 ms
// of a start in memory, which is to take 10. They come with this module instead.
isIPv6("::1");

/** How often a free port is looked for when its number is taken on ::1. */
const freePortTriesMax = 20;

/** One port: accepts on its addresses and hands each connection to the door it asks for. */
export class ListeningPort {
  readonly #servers: Server[] = [];
  readonly #undecided = new Set<Socket>();
  readonly #options: ListeningOptions;
  readonly #doors: Doors;
  readonly #log: Log;
  #port = 0;

  private constructor(options: ListeningOptions, doors: Doors, log: Log) {
    this.#options = options;
    this.#doors = doors;
    this.#log = log;
  }

  /** Throws an Error that names host and port when they can not be had. */
  static async open(options: ListeningOptions, doors: Doors, log: Log): Promise<ListeningPort> {
    const listening = new ListeningPort(options, doors, log);
    await listening.#bindAll();
    return listening;
  }

  get port(): number {
    return this.#port;
  }

  /** The address it was told to listen on; unbracketed. */
  get boundTo(): string {
    return this.#options.host;
  }

  /** The address that clients on this machine dial; unbracketed. */
  get host(): string {
    const host = this.#options.host;
    if (host === "localhost" || host === "0.0.0.0") return "127.0.0.1";
    return host === "::" ? "::1" : host;
  }

  get doors(): ReadonlySet<Door> {
    return this.#options.doors;
  }

  /** `host:port` as a client on this machine writes it. */
  get address(): string {
    return `${this.host.includes(":") ? `[${this.host}]` : this.host}:${this.#port}`;
  }

  /** Stops accepting and drops who has not spoken yet; connections of doors are theirs. */
  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#undecided) socket.destroy();
    this.#undecided.clear();
  }

  async #bindAll(): Promise<void> {
    const { host, port } = this.#options;
    if (host !== "127.0.0.1" && host !== "localhost") {
      this.#port = await this.#bind(host, port);
      return;
    }
    for (let attempt = 1; ; attempt += 1) {
      this.#port = await this.#bind("127.0.0.1", port);
      try {
        await this.#bind("::1", this.#port);
        return;
      } catch (error) {
        if (isWithoutIpv6(error)) return;
        this.close();
        this.#servers.length = 0;
        if (port !== 0 || attempt === freePortTriesMax) throw error;
      }
    }
  }

  async #bind(host: string, port: number): Promise<number> {
    const server = createServer({ noDelay: true, keepAlive: true }, (socket) =>
      this.#accept(socket),
    );
    try {
      await listen(server, { host, port, backlog: this.#options.backlogConnections });
    } catch (error) {
      throw explainBindFailure(error, host, port);
    }
    server.on("error", (error) =>
      this.#log.warn("accepting a connection failed", { reason: error.message }),
    );
    this.#servers.push(server);
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  #accept(socket: Socket): void {
    const { clock, connections, setupTimeoutMs } = this.#options;
    if (!connections.enter()) {
      this.#log.warn("connection refused: max.connections is reached", remote(socket));
      socket.destroy();
      return;
    }
    // Thousands of connections may stay: nothing here outlasts the decision but what all share.
    socket.on("error", ignoreError);
    socket.on("close", connections.leave);
    this.#undecided.add(socket);
    let head: Uint8Array = new Uint8Array(0);
    const decide = (chunk: Uint8Array): void => {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      const spoken = tellProtocol(head);
      if (spoken === "more") return;
      leave();
      this.#handOver(spoken, socket, head);
    };
    const cancel = clock.schedule(setupTimeoutMs, () => socket.destroy());
    const leave = (): void => {
      cancel();
      this.#undecided.delete(socket);
      socket.off("data", decide);
      socket.off("close", leave);
    };
    socket.on("data", decide);
    socket.on("close", leave);
  }

  #handOver(spoken: ToldProtocol, socket: Socket, head: Uint8Array): void {
    const { doors: served } = this.#options;
    const isWeb = served.has("http") || served.has("grpc");
    if (spoken === "kafka" && served.has("kafka")) {
      this.#doors.kafka(socket, head);
    } else if (spoken === "peer" && served.has("peer")) {
      this.#doors.peer(socket, head);
    } else if ((spoken === "http" || spoken === "http2") && isWeb) {
      socket.pause();
      socket.unshift(head);
      this.#doors[spoken](socket, served);
    } else {
      const reason = explainRefusal(spoken);
      this.#log.warn(`connection closed: ${reason}`, remote(socket));
      refuse(socket, spoken);
    }
  }
}

const ignoreError = (): void => {};

function remote(socket: Socket): { client: string } {
  return { client: `${socket.remoteAddress ?? "gone"}:${socket.remotePort ?? 0}` };
}

function listen(server: Server, at: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(at, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function codeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause ? error.cause : error;
  return cause instanceof Error && "code" in cause ? String(cause.code) : "";
}

function isWithoutIpv6(error: unknown): boolean {
  return ["EADDRNOTAVAIL", "EAFNOSUPPORT", "EINVAL"].includes(codeOf(error));
}

function explainBindFailure(error: unknown, host: string, port: number): Error {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} on ${host} is in use; choose another with --port`,
    EACCES: `port ${port} on ${host} needs more rights; choose one above 1023 with --port`,
    EADDRNOTAVAIL: `${host} is not an address of this machine; see --host`,
    ENOTFOUND: `the name ${host} is not known; see --host`,
  };
  const code = codeOf(error);
  const reason = reasons[code] ?? `${host}:${port} can not be bound (${code || String(error)})`;
  return new Error(reason, { cause: error });
}
