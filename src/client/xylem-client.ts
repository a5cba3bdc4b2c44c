/** What a node says of itself at `/healthz` and `/readyz`. */
export interface NodeHealth {
  readonly status: string;
  readonly nodeId: number;
  readonly clusterId: string;
}

export interface ClientOptions {
  /** Time a request may take, milliseconds; 10,000 unless given. */
  readonly timeoutMs?: number;
  /** Stands in for the platform's own `fetch`. */
  readonly fetch?: typeof fetch;
}

/** A request that the node refused, with the problem document it gave (RFC 9457). */
export class XylemClientError extends Error {
  override name = "XylemClientError";
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

const defaultTimeoutMs = 10_000;

/** Talks to a node over HTTP, in Node and in browsers. */
export class XylemClient {
  readonly #url: string;
  readonly #timeoutMs: number;
  readonly #fetch: typeof fetch;

  constructor(url: string | URL, options: ClientOptions = {}) {
    this.#url = new URL(url).href.replace(/\/+$/, "");
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  /** That the node lives. Rejects when it does not answer. */
  async health(signal?: AbortSignal): Promise<NodeHealth> {
    const response = await this.#get("/healthz", signal);
    if (!response.ok) throw await toClientError(response);
    return (await response.json()) as NodeHealth;
  }

  /** Whether the node serves clients: false while it starts or stops. */
  async ready(signal?: AbortSignal): Promise<boolean> {
    const response = await this.#get("/readyz", signal);
    await response.body?.cancel();
    if (response.status === 503) return false;
    if (!response.ok) throw new XylemClientError(response.status, response.statusText);
    return true;
  }

  #get(path: string, signal: AbortSignal | undefined): Promise<Response> {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    return this.#fetch(`${this.#url}${path}`, {
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
  }
}

async function toClientError(response: Response): Promise<XylemClientError> {
  const problem = (await response.json().catch(() => ({}))) as { detail?: unknown };
  const detail = typeof problem.detail === "string" ? problem.detail : response.statusText;
  return new XylemClientError(response.status, detail);
}
