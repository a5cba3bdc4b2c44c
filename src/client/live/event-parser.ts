/** A server-sent event, as far as a stream of records needs it. */
export interface StreamEvent {
  /** The cursor behind it. */
  readonly id: string;
  /** `message` unless it has a name. */
  readonly name: string;
  /** Undefined: only the id has come. */
  readonly data: string | undefined;
}

/** Makes events out of a stream's text, cut anywhere (WHATWG HTML, 9.2.6). */
export class EventParser {
  #rest = "";
  #id = "";
  #name = "";
  #data: string[] = [];

  /** The events that `text` completes; what is left waits for more. */
  push(text: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line !== "") this.#take(line);
      else if (this.#id !== "" || this.#data.length > 0) events.push(this.#finish());
    }
    return events;
  }

  #take(line: string): void {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (field === "id") this.#id = value;
    else if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
  }

  #finish(): StreamEvent {
    const data = this.#data.length === 0 ? undefined : this.#data.join("\n");
    const event = { id: this.#id, name: this.#name || "message", data };
    this.#id = "";
    this.#name = "";
    this.#data = [];
    return event;
  }
}
