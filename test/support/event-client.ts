/** A server-sent event as a client sees it. */
export interface SeenEvent {
  readonly id: string;
  /** "message" without a name. */
  readonly name: string;
  readonly data: unknown;
}

/** Reads one stream of server-sent events as WHATWG HTML 9.2.6 says, and nothing on its own. */
export class EventClient {
  readonly response: Response;
  /** Of the last event or block without data. */
  lastEventId = "";
  /** Lines that begin with a colon. */
  commentCount = 0;
  retryMs: number | undefined;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #abort: AbortController;
  readonly #events: SeenEvent[] = [];
  readonly #decoder = new TextDecoder();
  #text = "";

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
    if (response.body === null) throw new Error("no body");
    this.#reader = response.body.getReader();
  }

  static async open(
    url: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<EventClient> {
    const abort = new AbortController();
    const response = await fetch(url, {
      headers: { accept: "text/event-stream", ...headers },
      signal: abort.signal,
    });
    return new EventClient(response, abort);
  }

  /** The next event; undefined: the stream has ended, cut off or not. */
  async next(): Promise<SeenEvent | undefined> {
    while (this.#events.length === 0) if (!(await this.#read())) return undefined;
    return this.#events.shift();
  }

  async take(count: number): Promise<SeenEvent[]> {
    const events: SeenEvent[] = [];
    while (events.length < count) {
      const event = await this.next();
      if (event === undefined) throw new Error(`the stream ended behind ${events.length} events`);
      events.push(event);
    }
    return events;
  }

  /** Reads until something has come, be it a comment. */
  async idle(): Promise<void> {
    if (!(await this.#read())) throw new Error("the stream has ended");
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(): Promise<boolean> {
    try {
      const { value, done } = await this.#reader.read();
      if (done) return false;
      this.#text += this.#decoder.decode(value, { stream: true });
    } catch {
      return false;
    }
    const blocks = this.#text.split("\n\n");
    this.#text = blocks.pop() ?? "";
    for (const block of blocks) this.#parse(block);
    return true;
  }

  #parse(block: string): void {
    let name = "message";
    let data: string | undefined;
    for (const line of block.split("\n")) {
      const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      if (field === "") this.commentCount += 1;
      else if (field === "id") this.lastEventId = value;
      else if (field === "event") name = value;
      else if (field === "retry") this.retryMs = Number(value);
      else if (field === "data") data = data === undefined ? value : `${data}\n${value}`;
    }
    if (data === undefined) return;
    this.#events.push({ id: this.lastEventId, name, data: JSON.parse(data) as unknown });
  }
}
