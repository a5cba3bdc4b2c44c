import { connectionFailed, timedOut } from "../xylem-client-error.ts";

/** What a WebSocket has brought and nobody has taken; bounded by the credits that were given. */
export class SocketInbox {
  readonly #socket: WebSocket;
  readonly #silenceMs: number;
  readonly #texts: string[] = [];
  readonly #onAbort: () => void;
  readonly #signal: AbortSignal;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: WebSocket, signal: AbortSignal, silenceMs: number) {
    this.#socket = socket;
    this.#silenceMs = silenceMs;
    this.#signal = signal;
    this.#onAbort = () => this.#fail(signal.reason);
    signal.addEventListener("abort", this.#onAbort, { once: true });
    socket.addEventListener("open", () => this.#wake?.());
    socket.addEventListener("message", ({ data }) => this.#take(String(data)));
    socket.addEventListener("close", ({ code, reason }) => {
      this.#fail(connectionFailed(`the socket closed with ${code} ${reason}`.trim()));
    });
    socket.addEventListener("error", () => undefined);
  }

  /** Resolves when commands may be sent. */
  async open(): Promise<void> {
    while (this.#socket.readyState === WebSocket.CONNECTING) await this.#wait();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  send(command: object): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(command));
  }

  /** The next message; what had come before a failure comes first. */
  async next(): Promise<string> {
    for (;;) {
      const text = this.#texts.shift();
      if (text !== undefined) return text;
      await this.#wait();
    }
  }

  close(): void {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#socket.close();
  }

  /** Until something happens; asks after half the silence whether the node is still there. */
  async #wait(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    const ask = setTimeout(() => this.send({ type: "ping", id: "ping" }), this.#silenceMs / 2);
    const end = setTimeout(() => this.#fail(timedOut(this.#silenceMs)), this.#silenceMs);
    await new Promise<void>((resolve) => (this.#wake = resolve));
    clearTimeout(ask);
    clearTimeout(end);
    this.#wake = undefined;
  }

  #take(text: string): void {
    this.#texts.push(text);
    this.#wake?.();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake?.();
  }
}
