/** What a key, value or header may be: text, bytes, or anything JSON can say. */
export type Content = string | Uint8Array | object | number | boolean;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Text as UTF-8, bytes as they are (not copied), all else as JSON; nothing is null. */
export function toBytes(content: Content | null | undefined): Uint8Array | null {
  if (content === null || content === undefined) return null;
  if (content instanceof Uint8Array) return content;
  return encoder.encode(typeof content === "string" ? content : JSON.stringify(content));
}

/** A record's place in the log. */
export interface Appended {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** What `Topic.append` takes. Without a partition the key chooses one, as in Kafka's clients. */
export interface NewRecord {
  readonly key?: Content | null;
  /** Absent or null: a tombstone. */
  readonly value?: Content | null;
  readonly headers?: Readonly<Record<string, Content | null>>;
  readonly partition?: number;
  /** Milliseconds since 1970; the broker's clock when absent. */
  readonly timestamp?: number;
}

/** One record as it was read. Bytes are views that are never changed. */
export class ReadRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970, -1 when it has none. */
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];

  constructor(fields: Omit<ReadRecord, "text" | "json" | "keyText" | "header">) {
    this.topic = fields.topic;
    this.partition = fields.partition;
    this.offset = fields.offset;
    this.timestamp = fields.timestamp;
    this.key = fields.key;
    this.value = fields.value;
    this.headers = fields.headers;
  }

  /** The value as UTF-8; a tombstone is "". */
  text(): string {
    return this.value === null ? "" : decoder.decode(this.value);
  }

  /** The value parsed as JSON; a tombstone is null. Throws SyntaxError when it is no JSON. */
  json<T = unknown>(): T {
    return (this.value === null ? null : JSON.parse(decoder.decode(this.value))) as T;
  }

  keyText(): string | null {
    return this.key === null ? null : decoder.decode(this.key);
  }

  /** The last header of that name as UTF-8. */
  header(name: string): string | undefined {
    const value = this.headers.findLast((header) => header.key === name)?.value;
    return value ? decoder.decode(value) : undefined;
  }
}
