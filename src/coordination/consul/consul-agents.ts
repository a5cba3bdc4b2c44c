import { type RotationOptions, type ServerKind, ServerRotation } from "../server-rotation.ts";
import { ConsulRefusal, isPassing, toCoordinatorError } from "./consul-failure.ts";

/** One agent. */
export interface ConsulAgent {
  readonly url: string;
  /** Aborts when it is none of those to be asked any more. */
  readonly gone: AbortSignal;
  readonly end: () => void;
}

export interface ConsulRequest {
  /** Below `/v1/`. */
  readonly path: string;
  /** Sent with PUT; without it the request is a GET. */
  readonly body?: unknown;
  /** Answers beside 200 that are no failure. */
  readonly alsoTaken?: readonly number[];
}

export interface ConsulAnswer {
  readonly status: number;
  /** When the request was sent, by the monotonic clock. */
  readonly sentMs: number;
  /** X-Consul-Index: up to which change of Consul's the answer goes. 0: it does not say. */
  readonly index: number;
  /** What the JSON of the body says; undefined where there is none. */
  readonly body: unknown;
}

/** The largest answer taken: all entries of a cluster. */
const answerBytesMax = 256 * 1024 * 1024;

const consulKind: ServerKind<ConsulAgent> = {
  product: "Consul",
  connect: (url) => {
    const ending = new AbortController();
    return { url, gone: ending.signal, end: () => ending.abort() };
  },
  end: (agent) => agent.end(),
  isPassing,
  toCoordinatorError,
};

/**
 * The agents of Consul that are known, one of them in use. Each request is given up after a time of
 * its own, and its connection with it.
 */
export class ConsulAgents extends ServerRotation<ConsulAgent> {
  constructor(options: RotationOptions) {
    super(options, consulKind);
  }

  /** As `askInTurn`. */
  async ask(what: string, request: ConsulRequest): Promise<ConsulAnswer> {
    return await this.askInTurn(what, (agent, timeoutMs) => {
      return this.attempt(agent, request, { timeoutMs });
    });
  }

  /** One request. Rejects when there is no answer in time, or one that is no success. */
  async attempt(
    agent: ConsulAgent,
    { path, body, alsoTaken = [] }: ConsulRequest,
    { timeoutMs, stop }: { readonly timeoutMs: number; readonly stop?: AbortSignal },
  ): Promise<ConsulAnswer> {
    const ending = new AbortController();
    const end = (): void => ending.abort();
    const cancel = this.clock.schedule(Math.max(1, timeoutMs), () => {
      ending.abort(new Error(`${agent.url} did not answer within ${Math.ceil(timeoutMs)} ms`));
    });
    const signals = [this.closing, agent.gone, ...(stop === undefined ? [] : [stop])];
    for (const signal of signals) {
      if (signal.aborted) end();
      else signal.addEventListener("abort", end);
    }
    const sentMs = this.clock.monotonicMs();
    try {
      const response = await fetch(`${agent.url}/v1/${path}`, {
        signal: ending.signal,
        redirect: "error",
        ...(body === undefined ? {} : { method: "PUT", body: JSON.stringify(body) }),
      });
      const text = await readText(response);
      const { status } = response;
      const isTaken = status === 200 || alsoTaken.includes(status);
      if (!isTaken) throw new ConsulRefusal(status, text);
      this.hear(agent);
      const index = Number(response.headers.get("x-consul-index") ?? 0);
      const isNumber = Number.isSafeInteger(index);
      return { status, sentMs, index: isNumber ? index : 0, body: parse(text) };
    } catch (error) {
      throw ending.signal.aborted ? (ending.signal.reason ?? error) : error;
    } finally {
      cancel();
      for (const signal of signals) signal.removeEventListener("abort", end);
    }
  }
}

async function readText({ body }: Response): Promise<string> {
  if (body === null) return "";
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > answerBytesMax) throw new ConsulRefusal(200, "an answer that is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Some answers are JSON, others a sentence. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
