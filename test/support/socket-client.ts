import { WebSocket } from "ws";

/** A message of `/v1/socket`; docs/live.md says what is in it. */
export interface SocketMessage {
  readonly type: string;
  readonly id?: unknown;
  readonly ok?: boolean;
  readonly subscription?: string;
  readonly cursor?: string;
  readonly error?: { readonly code: string; readonly detail: string; readonly status: number };
  readonly records?: readonly { readonly value: unknown; readonly offset: number }[];
  readonly [field: string]: unknown;
}

/** Speaks JSON over one WebSocket. */
export class SocketClient {
  readonly socket: WebSocket;
  readonly #messages: SocketMessage[] = [];
  /** Came before a reply that was asked for. */
  readonly #kept: SocketMessage[] = [];
  #wake: (() => void) | undefined;
  #closeCode: number | undefined;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (bytes: Buffer) => {
      this.#messages.push(JSON.parse(bytes.toString()) as SocketMessage);
      this.#wake?.();
    });
    socket.on("close", (code) => {
      this.#closeCode = code;
      this.#wake?.();
    });
    socket.on("error", () => undefined);
  }

  /** Rejects with the answer's status when the handshake is refused. */
  static open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<SocketClient> {
    const socket = new WebSocket(url, { headers });
    const client = new SocketClient(socket);
    return new Promise((resolve, reject) => {
      socket.once("open", () => resolve(client));
      socket.once("error", reject);
      socket.once("unexpected-response", (_request, { statusCode }) => {
        socket.terminate();
        reject(new Error(`status ${statusCode}`));
      });
    });
  }

  send(command: object | string | Uint8Array): void {
    const isRaw = typeof command === "string" || command instanceof Uint8Array;
    this.socket.send(isRaw ? command : JSON.stringify(command));
  }

  /** The next message; undefined: the socket is closed. */
  async next(): Promise<SocketMessage | undefined> {
    while (this.#messages.length === 0 && this.#closeCode === undefined) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.#messages.shift();
  }

  /** Sends a command and takes messages up to its reply, which comes last. */
  async ask(command: object | string | Uint8Array): Promise<SocketMessage> {
    this.send(command);
    for (;;) {
      const message = await this.next();
      if (message === undefined) throw new Error(`closed with ${this.#closeCode}`);
      if (message.type === "reply") return message;
      this.#kept.push(message);
    }
  }
  /** Messages that have come and that nobody has taken. */
  get untakenCount(): number {
    return this.#messages.length + this.#kept.length;
  }

  /** Values of the records of a subscription, until there are so many. */
  async takeValues(count: number): Promise<unknown[]> {
    const values: unknown[] = [];
    while (values.length < count) {
      const message = this.#kept.shift() ?? (await this.next());
      if (message === undefined) throw new Error(`closed with ${this.#closeCode}`);
      values.push(...(message.records ?? []).map(({ value }) => value));
    }
    return values;
  }

  /** Resolves with the close code. */
  async closed(): Promise<number> {
    while (this.#closeCode === undefined) await this.next();
    return this.#closeCode;
  }

  close(): void {
    this.socket.terminate();
  }
}
