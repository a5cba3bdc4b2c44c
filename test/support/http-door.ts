import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { NodeSettings } from "../../src/base/settings/node-settings.ts";
import { defaultNodeSettings } from "../../src/base/settings/node-settings.ts";
import type { Broker } from "../../src/broker/broker.ts";
import { batchTools, type BrokerParts, openBroker } from "../../src/node/open-broker.ts";
import { StartSteps } from "../../src/node/start-steps.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import { SystemRandom } from "../../src/node/system-random.ts";
import { HttpServer } from "../../src/servers/http/http-server.ts";
import { MetricsPage } from "../../src/servers/http/metrics.ts";
import { KeptLog } from "./kept-log.ts";

type Rules = Partial<Parameters<typeof HttpServer.open>[0]["rules"]>;

/** What a test reads of an answer. */
export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined when the body is no JSON. */
  readonly json: unknown;
}

/** The HTTP door of a broker in memory, on a loopback port, on real time. */
export class HttpDoor {
  readonly broker: Broker;
  readonly http: HttpServer;
  readonly log: KeptLog;
  readonly port: number;
  isReady = true;
  readonly #steps: StartSteps;
  readonly #listener: Server;

  private constructor(
    parts: { broker: Broker; http: HttpServer; log: KeptLog; listener: Server },
    steps: StartSteps,
  ) {
    this.broker = parts.broker;
    this.http = parts.http;
    this.log = parts.log;
    this.#listener = parts.listener;
    this.port = (parts.listener.address() as AddressInfo).port;
    this.#steps = steps;
  }

  /** `others`: what makes the broker one of a cluster. */
  static async open(
    settings: Partial<NodeSettings> = {},
    rules: Rules = {},
    others: Pick<BrokerParts, "coordinator" | "network"> = {},
  ): Promise<HttpDoor> {
    const log = new KeptLog();
    const steps = new StartSteps(log);
    const merged = { ...defaultNodeSettings, memory: true, ...settings };
    const random = new SystemRandom();
    const own = { settings: merged, given: new Map(), clock: systemClock, log, random };
    const { broker, loadGroups, announce } = await openBroker(steps, { ...own, ...others });
    await loadGroups();
    const http = await HttpServer.open({
      broker,
      tools: batchTools,
      loadGroups,
      rules: { listenerAddresses: [], hosts: [], origins: [], ...rules },
      node: { isReady: () => door.isReady, metrics: new MetricsPage(sampleMetrics) },
    });
    const listener = createServer({ pauseOnConnect: true }, (socket) => http.accept(socket));
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const door: HttpDoor = new HttpDoor({ broker, http, log, listener }, steps);
    await announce({ http: { host: "127.0.0.1", port: door.port } });
    return door;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Asks and reads the whole answer; an object as body goes as JSON. */
  async ask(method: string, path: string, options: AskOptions = {}): Promise<Told> {
    const { headers = {}, body } = options;
    const isJson = typeof body === "object" && !(body instanceof Uint8Array);
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...(isJson && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: isJson ? JSON.stringify(body) : (body as BodyInit) }),
    });
    const text = await response.text();
    const { status, headers: told } = response;
    return { status, headers: told, text, json: jsonOf(told, text) };
  }

  /** The same over a plain connection: `fetch` sets the Host header itself, and never upgrades. */
  async askRaw(method: string, path: string, options: AskOptions = {}): Promise<Told> {
    const { headers = {}, body } = options;
    const outgoing = request({ host: "127.0.0.1", port: this.port, method, path, headers });
    outgoing.end(body === undefined || typeof body === "string" ? body : JSON.stringify(body));
    const answers = ["response", "upgrade"].map((name) => once(outgoing, name));
    const [incoming, socket] = (await Promise.race(answers)) as [IncomingMessage, Socket?];
    socket?.destroy();
    const isRead = socket === undefined;
    const text = isRead ? (await incoming.setEncoding("utf8").toArray()).join("") : "";
    const told = new Headers(incoming.headers as Record<string, string>);
    return { status: incoming.statusCode ?? 0, headers: told, text, json: jsonOf(told, text) };
  }

  async close(): Promise<void> {
    this.#listener.close();
    await this.http.close(0);
    await this.#steps.stop();
  }
}

export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | object;
}

function jsonOf(headers: Headers, text: string): unknown {
  const isJson = /^application\/(\w+\+)?json/.test(headers.get("content-type") ?? "");
  return isJson && text !== "" ? JSON.parse(text) : undefined;
}

const sampleMetrics = () => [
  {
    name: "xylem_topics",
    help: "Topics.",
    kind: "gauge" as const,
    labelNames: ["kind"],
    samples: [{ labels: { kind: "own" }, value: 3 }],
  },
];
