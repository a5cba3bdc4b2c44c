import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Pair {
  readonly value: string;
  readonly index: number;
  readonly session: string | undefined;
}

interface Operation {
  readonly Verb: string;
  readonly Key: string;
  readonly Value?: string;
  readonly Index?: number;
  readonly Session?: string;
}

interface Session {
  readonly ttlMs: number;
  timer: NodeJS.Timeout;
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

const operationsMax = 64;

/**
 * No Consul: a fake of the six endpoints that Xylem asks, as 1.8.7 answers them, in memory. Its
 * sessions may be short and end on time, so that tests of leases need not wait for minutes.
 */
export class ConsulFake {
  readonly #server: Server;
  readonly #pairs = new Map<string, Pair>();
  /** The index at which a key was deleted last. */
  readonly #deleted = new Map<string, number>();
  readonly #sessions = new Map<string, Session>();
  readonly #waiting = new Set<() => void>();
  #index = 10;
  /** How many requests are yet to be answered with a failure after they were carried out. */
  #failuresLeft = 0;
  #renewalsMissed = 0;

  static async open(): Promise<ConsulFake> {
    const fake = new ConsulFake();
    fake.#server.listen(0, "127.0.0.1");
    await once(fake.#server, "listening");
    return fake;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      void this.#serve(request, response);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As without a leader: the next requests are carried out, and answered with a failure. */
  failAfterwards(count: number): void {
    this.#failuresLeft = count;
  }

  /** As of a leader that is new in office: it does not know sessions yet that it is to renew. */
  forgetToRenew(count: number): void {
    this.#renewalsMissed = count;
  }

  /** As after 15 minutes: Consul tells by no index any more that something was deleted. */
  forgetDeletions(): void {
    this.#deleted.clear();
  }

  /** As after the loss of its disk. */
  loseAll(): void {
    for (const id of this.#sessions.keys()) this.#endSession(id);
    this.#pairs.clear();
    this.#deleted.clear();
    this.#index = 5;
    this.#server.closeAllConnections();
  }

  /** All data as of now; the answer brings it back, and lets the index go on from where it is. */
  backUp(): () => void {
    const pairs = new Map(this.#pairs);
    return () => {
      this.#pairs.clear();
      this.#deleted.clear();
      for (const [key, pair] of pairs) this.#pairs.set(key, pair);
      this.#index += 1;
      this.#wake();
    };
  }

  async close(): Promise<void> {
    for (const { timer } of this.#sessions.values()) clearTimeout(timer);
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://fake");
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    const place = decodeURIComponent(url.pathname.slice("/v1/".length));
    if (place.startsWith("kv/")) {
      await this.#waitForChange(url, response);
      this.#list(place.slice("kv/".length), response);
      return;
    }
    const { status, body } = this.#carryOut(place, text === "" ? undefined : JSON.parse(text));
    if (this.#failuresLeft > 0) {
      this.#failuresLeft -= 1;
      response.writeHead(500).end("No cluster leader");
      return;
    }
    response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
  }

  #carryOut(place: string, body: unknown): Answer {
    const id = place.slice(place.lastIndexOf("/") + 1);
    if (place === "txn") return this.#transact(body as readonly { readonly KV: Operation }[]);
    if (place === "session/create") return this.#createSession(body as { readonly TTL: string });
    if (place.startsWith("session/renew/")) return this.#renewSession(id);
    if (place.startsWith("session/info/")) {
      return { status: 200, body: this.#sessions.has(id) ? [{ ID: id }] : [] };
    }
    if (place.startsWith("session/destroy/")) {
      this.#endSession(id);
      return { status: 200, body: true };
    }
    return { status: 404, body: "no such place" };
  }

  #createSession({ TTL }: { readonly TTL: string }): Answer {
    const id = randomUUID();
    const ttlMs = Number(TTL.replace("ms", ""));
    const timer = setTimeout(() => this.#endSession(id), ttlMs);
    this.#sessions.set(id, { ttlMs, timer });
    return { status: 200, body: { ID: id } };
  }

  #renewSession(id: string): Answer {
    const session = this.#sessions.get(id);
    const isMissed = this.#renewalsMissed > 0;
    if (isMissed) this.#renewalsMissed -= 1;
    if (session === undefined || isMissed)
      return { status: 404, body: `Session id '${id}' not found` };
    clearTimeout(session.timer);
    session.timer = setTimeout(() => this.#endSession(id), session.ttlMs);
    return { status: 200, body: [{ ID: id }] };
  }

  #endSession(id: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    clearTimeout(session.timer);
    this.#sessions.delete(id);
    this.#index += 1;
    for (const [key, pair] of this.#pairs) if (pair.session === id) this.#delete(key, this.#index);
    this.#wake();
  }

  /** All or nothing, at one index; what does not hold is told by its place. */
  #transact(body: readonly { readonly KV: Operation }[]): Answer {
    if (body.length > operationsMax) return { status: 413, body: "too many operations" };
    const [pairs, deleted] = [new Map(this.#pairs), new Map(this.#deleted)];
    const index = this.#index + 1;
    const errors: { readonly OpIndex: number; readonly What: string }[] = [];
    const results: unknown[] = [];
    for (const [OpIndex, { KV: operation }] of body.entries()) {
      const What = this.#apply(operation, index);
      if (What !== undefined) errors.push({ OpIndex, What });
      const pair = this.#pairs.get(operation.Key);
      const isGet = operation.Verb === "get";
      if (pair !== undefined && What === undefined) {
        results.push({ KV: { ...show(operation.Key, pair), ...(isGet ? {} : { Value: null }) } });
      }
    }
    if (errors.length === 0) {
      const isRead = body.every(({ KV }) => KV.Verb === "get");
      if (!isRead) this.#index = index;
      this.#wake();
      return { status: 200, body: { Results: results, Errors: null } };
    }
    this.#pairs.clear();
    this.#deleted.clear();
    for (const [key, pair] of pairs) this.#pairs.set(key, pair);
    for (const [key, at] of deleted) this.#deleted.set(key, at);
    return { status: 409, body: { Results: null, Errors: errors } };
  }

  /** What Consul says when it refuses it. */
  #apply(operation: Operation, index: number): string | undefined {
    const { Verb, Key } = operation;
    if (Verb === "delete") return this.#delete(Key, index);
    if (Verb === "lock") return this.#lock(operation, index);
    if (!this.#holds(operation)) return `${Verb} of key "${Key}" failed`;
    if (Verb !== "cas" && Verb !== "unlock") return undefined;
    const session = Verb === "cas" ? this.#pairs.get(Key)?.session : undefined;
    return this.#set(operation, { index, session });
  }

  #holds({ Verb, Key, Index = 0, Session }: Operation): boolean {
    const pair = this.#pairs.get(Key);
    if (Verb === "get") return pair !== undefined;
    if (Verb === "check-not-exists") return pair === undefined;
    if (Verb === "unlock") return pair !== undefined && pair.session === Session;
    return (pair?.index ?? 0) === Index;
  }

  #lock(operation: Operation, index: number): string | undefined {
    const { Key, Session: session = "" } = operation;
    if (!this.#sessions.has(session)) return `invalid session "${session}"`;
    const holder = this.#pairs.get(Key)?.session ?? session;
    if (holder !== session) return "failed to lock key, lock is already held";
    return this.#set(operation, { index, session });
  }

  #set({ Key, Value = "" }: Operation, written: Omit<Pair, "value">): undefined {
    this.#pairs.set(Key, { value: Value, ...written });
  }

  #delete(key: string, index: number): undefined {
    if (this.#pairs.delete(key)) this.#deleted.set(key, index);
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  async #waitForChange(url: URL, response: ServerResponse): Promise<void> {
    const after = Number(url.searchParams.get("index") ?? 0);
    const prefix = decodeURIComponent(url.pathname.slice("/v1/kv/".length));
    const untilMs = performance.now() + Number.parseInt(url.searchParams.get("wait") ?? "0");
    while (after > 0 && this.#indexOf(prefix) <= after) {
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0 || response.destroyed) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** The newest change below a prefix, deletions included while they are known; else of all. */
  #indexOf(prefix: string): number {
    let newest = 0;
    for (const [key, { index }] of this.#pairs) {
      if (key.startsWith(prefix)) newest = Math.max(newest, index);
    }
    for (const [key, index] of this.#deleted) {
      if (key.startsWith(prefix)) newest = Math.max(newest, index);
    }
    return newest === 0 ? this.#index : newest;
  }

  #list(prefix: string, response: ServerResponse): void {
    const found = [...this.#pairs].filter(([key]) => key.startsWith(prefix));
    found.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const headers = { "X-Consul-Index": String(this.#indexOf(prefix)) };
    const body = JSON.stringify(found.map(([key, pair]) => show(key, pair)));
    if (found.length === 0) response.writeHead(404, headers).end();
    else response.writeHead(200, headers).end(body);
  }
}

function show(Key: string, { value, index, session }: Pair) {
  const bound = session === undefined ? {} : { Session: session };
  return { Key, Value: value === "" ? null : value, ModifyIndex: index, ...bound };
}
