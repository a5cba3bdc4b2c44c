/**
 * How many values a JSON text has, objects, lists and what is in them. Undefined: it is no JSON
 * (RFC 8259). Nothing is built, however much is in it; of each string only its escapes
 * are looked at, so bytes must be known to be UTF-8.
 */
export function scanJson(bytes: Uint8Array): JsonCount | undefined {
  const scan = new JsonScan(bytes);
  return scan.run() ? { valueCount: scan.valueCount } : undefined;
}

export interface JsonCount {
  readonly valueCount: number;
}

const quote = 0x22;
const comma = 0x2c;
const minus = 0x2d;
const dot = 0x2e;
const colon = 0x3a;
const listStart = 0x5b;
const backslash = 0x5c;
const listEnd = 0x5d;
const objectStart = 0x7b;
const objectEnd = 0x7d;
/** Lists and objects inside each other that there is room for at first. */
const depthInitial = 64;

const literals: ReadonlyMap<number, readonly number[]> = new Map(
  ["true", "false", "null"].map((word) => {
    const codes = Array.from(word, (letter) => letter.charCodeAt(0));
    return [codes[0] as number, codes];
  }),
);

class JsonScan {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** What is open, from the outside in: `listStart` or `objectStart`. */
  #open = new Uint8Array(depthInitial);
  #depth = 0;
  valueCount = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  run(): boolean {
    for (;;) {
      this.#blanks();
      const code = this.#bytes[this.#at] ?? 0;
      this.valueCount += 1;
      const isOpened = code === objectStart || code === listStart;
      if (isOpened ? !this.#begin(code) : !this.#scalar(code)) return false;
      // What has begun and is not empty goes on with its first value.
      if (isOpened && !this.#isComplete) continue;
      if (!this.#goOn()) return false;
      if (this.#isOver) return this.#at === this.#bytes.length;
    }
  }

  #isComplete = false;
  #isOver = false;

  /** An object or a list, up to its first value, or its end when it is empty. */
  #begin(code: number): boolean {
    this.#at += 1;
    this.#blanks();
    this.#isComplete = this.#bytes[this.#at] === (code === listStart ? listEnd : objectEnd);
    if (this.#isComplete) {
      this.#at += 1;
      return true;
    }
    if (this.#depth === this.#open.length) {
      const wider = new Uint8Array(this.#depth * 2);
      wider.set(this.#open);
      this.#open = wider;
    }
    this.#open[this.#depth++] = code;
    return code === listStart || this.#name();
  }

  /** After a value: ends what ends here, up to the next value or the end of all. */
  #goOn(): boolean {
    for (;;) {
      this.#blanks();
      if (this.#depth === 0) {
        this.#isOver = true;
        return true;
      }
      const isList = this.#open[this.#depth - 1] === listStart;
      const code = this.#bytes[this.#at++];
      if (code === comma) return isList || this.#name();
      if (code !== (isList ? listEnd : objectEnd)) return false;
      this.#depth -= 1;
    }
  }

  /** A member's name and its colon. */
  #name(): boolean {
    this.#blanks();
    if (this.#bytes[this.#at] !== quote || !this.#string()) return false;
    this.#blanks();
    return this.#bytes[this.#at++] === colon;
  }

  #scalar(code: number): boolean {
    if (code === quote) return this.#string();
    const literal = literals.get(code);
    if (literal === undefined) return this.#number();
    for (const letter of literal) if (this.#bytes[this.#at++] !== letter) return false;
    return true;
  }

  #string(): boolean {
    const bytes = this.#bytes;
    let at = this.#at + 1;
    for (; at < bytes.length; at++) {
      const code = bytes[at] as number;
      if (code === quote) {
        this.#at = at + 1;
        return true;
      }
      if (code < 0x20) return false;
      if (code !== backslash) continue;
      at += 1;
      const length = escapedLength(bytes, at);
      if (length === 0) return false;
      at += length - 1;
    }
    return false;
  }

  #number(): boolean {
    if (this.#bytes[this.#at] === minus) this.#at += 1;
    if (this.#bytes[this.#at] === 0x30) this.#at += 1;
    else if (!this.#digits()) return false;
    if (this.#bytes[this.#at] === dot) {
      this.#at += 1;
      if (!this.#digits()) return false;
    }
    if (((this.#bytes[this.#at] ?? 0) | 0x20) !== 0x65) return true;
    this.#at += 1;
    const sign = this.#bytes[this.#at];
    if (sign === minus || sign === 0x2b) this.#at += 1;
    return this.#digits();
  }

  /** At least one. */
  #digits(): boolean {
    const start = this.#at;
    while (isDigit(this.#bytes[this.#at] ?? 0)) this.#at += 1;
    return this.#at > start;
  }

  #blanks(): void {
    for (;;) {
      const code = this.#bytes[this.#at];
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }
}

/** Bytes of an escape after its backslash; 0: there is no such one. */
function escapedLength(bytes: Uint8Array, at: number): number {
  const code = bytes[at] ?? 0;
  if (code !== 0x75) return escapes.has(code) ? 1 : 0;
  for (let next = at + 1; next <= at + 4; next++) if (!isHex(bytes[next] ?? 0)) return 0;
  return 5;
}

const escapes: ReadonlySet<number> = new Set(
  Array.from('"\\/bfnrt', (letter) => letter.charCodeAt(0)),
);

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isHex(code: number): boolean {
  const lower = code | 0x20;
  return isDigit(code) || (lower >= 0x61 && lower <= 0x66);
}
