import type { BrokerOptions, BrokerProcess } from "../test/support/broker-process.ts";
import type { JavaTools } from "../test/support/java-tools.ts";

/** One number of one run: MB/s, ms, MiB … */
export type Figures = Readonly<Record<string, number>>;

/** What a run has to work with. */
export interface Bench {
  readonly broker: BrokerProcess;
  /** Another one of the same product, on a directory of its own. */
  readonly startAnother: (options?: BrokerOptions) => Promise<BrokerProcess>;
  /** Kafka's own tools; undefined where there is no Java. */
  readonly tools: JavaTools | undefined;
  /** A smaller load, for a first look. */
  readonly isQuick: boolean;
}

/** A way to measure a broker; the harness runs it on each in turn and takes medians. */
export interface Scenario {
  readonly name: string;
  readonly needsJava: boolean;
  /** Figures with their unit in the name, in the order of the table; the first is compared. */
  readonly figures: readonly string[];
  readonly isHigherBetter: boolean;
  /** The first run of each broker warms up both sides and is not counted. */
  readonly isWarmedUp: boolean;
  /** Runs that count, where fewer than the harness's do: a long one says enough by itself. */
  readonly repetitionsMax?: number;
  /** What only Xylem is asked to do. */
  readonly isOursOnly?: boolean;
  measure(bench: Bench): Promise<Figures>;
}

/** Settings of a topic that mean the same on both: when a write counts as safe. */
export function durabilityOf(
  broker: BrokerProcess,
  durability: "os" | "fsync",
): Record<string, string> {
  if (broker.product !== "kafka") return { durability };
  return durability === "fsync" ? { "flush.messages": "1" } : {};
}
