import { createClient, type CallOptions, type Client } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { connect as connectSocket, type Socket } from "node:net";
import {
  attemptMsMax,
  type RotationOptions,
  type ServerKind,
  ServerRotation,
} from "../server-rotation.ts";
import { isPassing, toCoordinatorError } from "./etcd-failure.ts";
import { KV, Lease, Watch } from "./generated/etcd/etcd_pb.ts";

/** One member of etcd, over one connection. */
export interface EtcdEndpoint {
  readonly url: string;
  readonly kv: Client<typeof KV>;
  readonly lease: Client<typeof Lease>;
  readonly watch: Client<typeof Watch>;
  readonly sockets: ReadonlySet<Socket>;
}

/** A little above the 5 s that etcd demands between PINGs of a client. */
const pingIntervalMs = 5_500;
const pingTimeoutMs = 1_500;
/** The largest answer taken: a page of entries or the changes of a reconnect. */
const answerBytesMax = 256 * 1024 * 1024;

const etcdKind: ServerKind<EtcdEndpoint> = {
  product: "etcd",
  connect,
  end,
  isPassing,
  toCoordinatorError,
};

/**
 * The members of etcd that are known, one of them in use. A connection that does not carry its
 * PINGs is closed with all that runs on it. Calls demand that the member has a leader: one that is
 * cut off refuses instead of telling nothing.
 */
export class EtcdEndpoints extends ServerRotation<EtcdEndpoint> {
  constructor(options: RotationOptions) {
    super(options, etcdKind);
  }

  /** Uses the next endpoint from now on, and ends what runs on this one's connection. */
  override leave(endpoint: EtcdEndpoint, why: unknown): void {
    end(endpoint);
    super.leave(endpoint, why);
  }

  /** As `askInTurn`. */
  async ask<Answer>(
    what: string,
    call: (endpoint: EtcdEndpoint, options: CallOptions) => Promise<Answer>,
    timeoutMs?: number,
  ): Promise<Answer> {
    const attempt = (endpoint: EtcdEndpoint, attemptMs: number): Promise<Answer> =>
      this.attempt((options) => call(endpoint, options), attemptMs);
    return await this.askInTurn(what, attempt, timeoutMs);
  }

  /**
   * One attempt; what it leaves open, a stream read in part, ends with it. Without a time it lasts
   * until `stop` aborts.
   */
  async attempt<Answer>(
    call: (options: CallOptions & { readonly signal: AbortSignal }) => Promise<Answer>,
    timeoutMs?: number,
    stop?: AbortSignal,
  ): Promise<Answer> {
    const ending = new AbortController();
    const end = (): void => ending.abort();
    const signals = stop === undefined ? [this.closing] : [this.closing, stop];
    for (const signal of signals) {
      if (signal.aborted) end();
      else signal.addEventListener("abort", end);
    }
    try {
      return await call({
        signal: ending.signal,
        headers: { hasleader: "true" },
        ...(timeoutMs === undefined ? {} : { timeoutMs: Math.max(1, Math.ceil(timeoutMs)) }),
      });
    } finally {
      for (const signal of signals) signal.removeEventListener("abort", end);
      end();
    }
  }
}

function connect(url: string): EtcdEndpoint {
  const sockets = new Set<Socket>();
  const transport = createGrpcTransport({
    baseUrl: url,
    pingIntervalMs,
    pingTimeoutMs,
    nodeOptions: { createConnection: (authority) => openSocket(authority, sockets) },
    readMaxBytes: answerBytesMax,
    acceptCompression: [],
  });
  return {
    url,
    sockets,
    kv: createClient(KV, transport),
    lease: createClient(Lease, transport),
    watch: createClient(Watch, transport),
  };
}

/** A host that does not answer is given up long before the system does. */
function openSocket({ hostname, port }: URL, sockets: Set<Socket>): Socket {
  const host = hostname.replace(/^\[|\]$/g, "");
  const socket = connectSocket({ host, port: Number(port), noDelay: true });
  sockets.add(socket);
  socket.setTimeout(attemptMsMax, () => socket.destroy(new Error(`${host}:${port} is silent`)));
  socket.once("connect", () => socket.setTimeout(0));
  socket.once("close", () => sockets.delete(socket));
  return socket;
}

/** Through its socket: the transport learns of it as of any other loss, in whatever state it is. */
function end({ sockets }: EtcdEndpoint): void {
  for (const socket of sockets) socket.destroy(new Error("The connection was given up"));
}
