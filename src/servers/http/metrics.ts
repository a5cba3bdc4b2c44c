import type { Counter, Registry } from "prom-client";

const microsPerSecond = 1e6;

/** One number under one name, with the labels that tell it from others. */
export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Everything of one name. A counter only grows while the node runs. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly kind: "counter" | "gauge";
  readonly labelNames: readonly string[];
  readonly samples: readonly MetricSample[];
}

/** Reads the node's plain numbers; called at each scrape only. */
export type CollectMetrics = () => readonly MetricFamily[];

/**
 * Renders metrics in Prometheus' text format. Between scrapes nothing is counted twice: the node
 * keeps plain numbers, and prom-client is loaded when somebody asks for the first time.
 */
export class MetricsPage {
  readonly #collect: CollectMetrics;
  #registry: Promise<Registry> | undefined;

  constructor(collect: CollectMetrics) {
    this.#collect = collect;
  }

  async render(): Promise<{ contentType: string; text: string }> {
    this.#registry ??= makeRegistry();
    const registry = await this.#registry;
    const client = await loadClient();
    for (const family of this.#collect()) fill(client, registry, family);
    return { contentType: registry.contentType, text: await registry.metrics() };
  }
}

type Client = typeof import("prom-client");

async function loadClient(): Promise<Client> {
  const loaded = await import("prom-client");
  return loaded.default;
}

async function makeRegistry(): Promise<Registry> {
  const client = await loadClient();
  const registry = new client.Registry();
  const { user, system } = process.cpuUsage();
  client.collectDefaultMetrics({ register: registry });
  // prom-client counts what is used from here on; the counters are of the process's whole life.
  const countBefore = (name: string, micros: number): void => {
    const counter = registry.getSingleMetric(`process_cpu_${name}seconds_total`);
    (counter as Counter | undefined)?.inc(micros / microsPerSecond);
  };
  countBefore("user_", user);
  countBefore("system_", system);
  countBefore("", user + system);
  return registry;
}

function fill(client: Client, registry: Registry, family: MetricFamily): void {
  const options = {
    name: family.name,
    help: family.help,
    labelNames: family.labelNames,
    registers: [registry],
  };
  registry.removeSingleMetric(family.name);
  if (family.kind === "counter") {
    const counter = new client.Counter(options);
    for (const sample of family.samples) counter.inc(sample.labels, sample.value);
    return;
  }
  const gauge = new client.Gauge(options);
  for (const sample of family.samples) gauge.set(sample.labels, sample.value);
}
