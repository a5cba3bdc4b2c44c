import type { Readable } from "node:stream";
import { Refusal } from "./refusal.ts";

export interface BodyLimits {
  /** `http.request.max.bytes`, read each time: the setting may change. */
  readonly sizeBytesMax: () => number;
  /** `http.requests.memory.max.bytes`. */
  readonly memoryBytesMax: () => number;
}

/** Memory for request bodies: each is bounded, and so are all that are under way together. */
export class BodyBudget {
  readonly #limits: BodyLimits;
  #bytes = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Reads a whole body; its bytes count as they come, until `release` is called: announced bytes
   * take nobody's place. Throws a Refusal: 413 past the bound of one, 503 past that of all, 400
   * when the client goes away in between.
   */
  async read(source: Readable, declaredBytes: number | undefined): Promise<Body> {
    const share = new Share(this);
    try {
      if (declaredBytes !== undefined) this.#check(declaredBytes, declaredBytes);
      return { bytes: await collect(source, share), release: () => share.release() };
    } catch (error) {
      share.release();
      throw error;
    }
  }

  /** @internal A share changes its part. */
  change(share: number, grownBytes: number): void {
    this.#check(share, grownBytes);
    this.#bytes += grownBytes;
  }

  #check(share: number, grownBytes: number): void {
    const sizeBytesMax = this.#limits.sizeBytesMax();
    if (share > sizeBytesMax) {
      throw new Refusal(413, `The body is larger than ${sizeBytesMax} bytes.`, {
        code: "MESSAGE_TOO_LARGE",
        headers: { connection: "close" },
        facts: { setting: "http.request.max.bytes", limit: sizeBytesMax },
      });
    }
    if (grownBytes > 0 && this.#bytes + grownBytes > this.#limits.memoryBytesMax()) {
      throw new Refusal(503, "Too many bodies are under way; try again.", {
        code: "THROTTLING_QUOTA_EXCEEDED",
        headers: { "retry-after": "1", connection: "close" },
        facts: { setting: "http.requests.memory.max.bytes" },
      });
    }
  }
}

export interface Body {
  readonly bytes: Uint8Array;
  /** Twice is harmless. */
  release(): void;
}

class Share {
  readonly #budget: BodyBudget;
  #bytes = 0;

  constructor(budget: BodyBudget) {
    this.#budget = budget;
  }

  growTo(bytes: number): void {
    if (bytes <= this.#bytes) return;
    this.#budget.change(bytes, bytes - this.#bytes);
    this.#bytes = bytes;
  }

  release(): void {
    this.#budget.change(0, -this.#bytes);
    this.#bytes = 0;
  }
}

function collect(source: Readable, share: Share): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    let isOver = false;
    const fail = (error: Error): void => {
      isOver = true;
      source.off("data", take);
      // What still comes is not kept; the connection ends with the answer.
      source.resume();
      reject(error);
    };
    const take = (chunk: Uint8Array): void => {
      sizeBytes += chunk.length;
      try {
        share.growTo(sizeBytes);
      } catch (error) {
        fail(error as Error);
        return;
      }
      chunks.push(chunk);
    };
    const gone = (): void => {
      if (!isOver) fail(new Refusal(400, "The request ended before its body."));
    };
    source.on("data", take);
    source.on("end", () => {
      isOver = true;
      resolve(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks));
    });
    source.on("error", gone);
    source.on("close", gone);
  });
}
