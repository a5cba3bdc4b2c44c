import { startKafka } from "./kafka-process.ts";
import { startXylem } from "./xylem-process.ts";

export interface BrokerOptions {
  /** Kept by whoever gave it; without it a temporary one, removed when the broker stops. */
  readonly dataFolder?: string;
  /** Settings of the node by their Kafka names. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A broker in a process of its own, reached only through its port. */
export interface BrokerProcess {
  /** `xylem-before`: an earlier commit, for comparison. */
  readonly product: "xylem" | "xylem-before" | "kafka";
  readonly host: string;
  readonly port: number;
  /** `host:port`, as clients take it. */
  readonly bootstrap: string;
  /** Where partition folders lie. */
  readonly dataFolder: string;
  readonly pid: number;
  /** From the start of the process to its ready line, at its last launch. */
  readonly launchMs: number;
  /** What the process has written so far. */
  readonly output: string;
  /** SIGTERM and waits; answers the exit code. `restart` may follow. */
  terminate(): Promise<number>;
  /** Terminates for good: temporary folders are removed. */
  stop(): Promise<number>;
  /** SIGKILL, waits; the data folder stays. */
  kill(): Promise<void>;
  /** A new process on the same port and data folder; terminates the old one if it runs. */
  restart(): Promise<void>;
}

/** The broker the suites judge: Xylem, or with XYLEM_TEST_BROKER=kafka the suites' own judge. */
export const brokerProduct = process.env["XYLEM_TEST_BROKER"] === "kafka" ? "kafka" : "xylem";

export function startBroker(options: BrokerOptions = {}): Promise<BrokerProcess> {
  return brokerProduct === "kafka" ? startKafka(options) : startXylem(options);
}
