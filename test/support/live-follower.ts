import { EventClient } from "./event-client.ts";
import { SocketClient, type SocketMessage } from "./socket-client.ts";

/** A record as a follower saw it. */
export interface SeenRecord {
  readonly partition: number;
  readonly offset: number;
  readonly value: unknown;
}

export interface Connection {
  /** Some records with the cursor behind them; undefined: it is cut. */
  next(): Promise<{ readonly records: readonly SeenRecord[]; readonly cursor: string } | undefined>;
  close(): void;
}

/** Connects anew, from the cursor if there is one; rejects when nobody answers. */
export type Connect = (cursor: string | undefined) => Promise<Connection>;

const retryMs = 50;

/** Follows for as long as it is not stopped, over whatever cuts it off. */
export class LiveFollower {
  readonly records: SeenRecord[] = [];
  connectCount = 0;
  /** Why it was cut off last, if that was no plain end. */
  lastError: unknown;
  readonly #connect: Connect;
  #connection: Connection | undefined;
  #cursor: string | undefined;
  #isStopped = false;
  readonly #running: Promise<void>;

  constructor(connect: Connect) {
    this.#connect = connect;
    this.#running = this.#run();
  }

  /** Cuts the connection off, wherever it is. */
  cut(): void {
    this.#connection?.close();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.cut();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        this.#connection = await this.#connect(this.#cursor);
        this.connectCount += 1;
        if (this.#isStopped) this.cut();
        await this.#follow(this.#connection);
      } catch (error) {
        this.lastError = error;
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  async #follow(connection: Connection): Promise<void> {
    for (let seen = await connection.next(); seen; seen = await connection.next()) {
      this.records.push(...seen.records);
      this.#cursor = seen.cursor;
    }
  }
}

/** Server-sent events of `/v1/records?query`. */
export function overEvents(url: string, query: string): Connect {
  return async (cursor) => {
    const headers = cursor === undefined ? {} : { "last-event-id": cursor };
    const client = await EventClient.open(`${url}/v1/records?${query}`, headers);
    if (!client.response.ok) throw new Error(`status ${client.response.status}`);
    return {
      next: async () => {
        const event = await client.next();
        if (event === undefined) return undefined;
        if (event.name !== "message") throw new Error(`an event ${event.name}`);
        return { records: [event.data as SeenRecord], cursor: event.id };
      },
      close: () => client.close(),
    };
  };
}

const creditsAtOnce = 20;

/** One subscription with credits, which are given again for what came. */
export function overSocket(url: string, subscribe: object): Connect {
  return async (cursor) => {
    const client = await SocketClient.open(`${url.replace("http", "ws")}/v1/socket`);
    const subscription = "s";
    const resumed = cursor === undefined ? {} : { cursor };
    const base = { type: "subscribe", subscription, credits: creditsAtOnce };
    client.send({ ...base, ...subscribe, ...resumed });
    return {
      next: async () => {
        const message = await nextOf(client);
        if (message === undefined) return undefined;
        const { records = [], cursor: behind = "" } = message;
        client.send({ type: "credit", subscription, credits: records.length });
        return { records: records as unknown as SeenRecord[], cursor: behind };
      },
      close: () => client.close(),
    };
  };
}

async function nextOf(client: SocketClient): Promise<SocketMessage | undefined> {
  for (;;) {
    const message = await client.next();
    if (message === undefined || message.type === "records") return message;
    if (message.type !== "reply" || message.ok !== true) throw new Error(JSON.stringify(message));
  }
}
