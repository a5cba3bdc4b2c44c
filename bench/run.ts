// `npm run bench [-- --quick] [--only word]`: Xylem beside Apache Kafka, in turn, medians.
// With `--before <commit>` the peer is Xylem as it was then.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { arch, cpus, loadavg, release, totalmem } from "node:os";
import { parseArgs } from "node:util";
import type { BrokerOptions, BrokerProcess } from "../test/support/broker-process.ts";
import { JavaTools } from "../test/support/java-tools.ts";
import { startKafka } from "../test/support/kafka-process.ts";
import { repositoryRoot } from "../test/support/repository.ts";
import { reasonToSkip } from "../test/support/tools.ts";
import { startXylem } from "../test/support/xylem-process.ts";
import { buildEarlier } from "../test/support/earlier-build.ts";
import type { Bench, Figures, Scenario } from "./scenario.ts";
import {
  appendCompacted,
  appendIdle,
  appendRetained,
  appendRolling,
} from "./scenarios/append-stalls.ts";
import {
  chainOneInFlightFsync,
  chainOneInFlightOs,
  chainProduceFsync,
  chainProduceOs,
} from "./scenarios/chain.ts";
import { consumeDisk, consumeTail } from "./scenarios/consume.ts";
import { grpcCalls } from "./scenarios/grpc-calls.ts";
import { httpAppendFsync, httpAppendOs } from "./scenarios/http-append.ts";
import { inProcess } from "./scenarios/in-process.ts";
import {
  eventsToThousand,
  eventsToTwoHundred,
  idleEventReaders,
} from "./scenarios/live-readers.ts";
import { startWithMany, startWithRecords } from "./scenarios/many-partitions.ts";
import { oneInFlightFsync, oneInFlightOs } from "./scenarios/one-in-flight.ts";
import { openHundredThousand, openTenThousand } from "./scenarios/open-partitions.ts";
import { fsyncOne, fsyncTwelve, fsyncTwoHundred } from "./scenarios/produce-fsync-partitions.ts";
import { peerLinks } from "./scenarios/peer-links.ts";
import { produceFsync } from "./scenarios/produce-fsync.ts";
import { produceLargeBatches } from "./scenarios/produce-large-batches.ts";
import { produceOs } from "./scenarios/produce-os.ts";
import { produceSmall } from "./scenarios/produce-small.ts";
import { recoverTenGigabytes } from "./scenarios/recover-gigabytes.ts";
import { smallRequests } from "./scenarios/small-requests.ts";
import { startUp } from "./scenarios/start-up.ts";
import { formatTable, type Outcome } from "./table.ts";

const scenarios = [
  produceOs,
  produceFsync,
  produceLargeBatches,
  produceSmall,
  consumeTail,
  consumeDisk,
  oneInFlightFsync,
  oneInFlightOs,
  smallRequests,
  httpAppendOs,
  httpAppendFsync,
  startUp,
  startWithRecords,
  startWithMany,
  inProcess,
  fsyncOne,
  fsyncTwelve,
  fsyncTwoHundred,
  appendIdle,
  appendRolling,
  appendRetained,
  appendCompacted,
  openTenThousand,
  openHundredThousand,
  recoverTenGigabytes,
  grpcCalls,
  eventsToTwoHundred,
  eventsToThousand,
  idleEventReaders,
  peerLinks,
  chainProduceOs,
  chainProduceFsync,
  chainOneInFlightOs,
  chainOneInFlightFsync,
];

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    before: { type: "string" },
  },
});
const [loadBefore = 0] = loadavg();
const repetitions = options.quick ? 3 : 5;

const noJava = reasonToSkip(["java", "maven"]);
if (noJava !== undefined) console.log(`Apache Kafka and its tools are left out: ${noJava}`);
type Product = BrokerProcess["product"];
type Start = (options?: BrokerOptions) => Promise<BrokerProcess>;
const starts = new Map<Product, Start>([["xylem", startXylem]]);
const peer = options.before === undefined ? "kafka" : "xylem-before";
if (options.before !== undefined) {
  const build = { product: "xylem-before", root: await buildEarlier(options.before) } as const;
  starts.set("xylem-before", (settings) => startXylem(settings, build));
} else if (noJava === undefined) starts.set("kafka", startKafka);
/** What runs already: each is started by the first scenario that needs it. */
const brokers = new Map<Product, BrokerProcess>();
let tools: JavaTools | undefined;

const outcomes: Outcome[] = [];
for (const scenario of scenarios) {
  if (!scenario.name.includes(options.only)) continue;
  if (scenario.needsJava && noJava !== undefined) continue;
  if (scenario.needsJava) tools ??= await JavaTools.start();
  outcomes.push({ scenario, runs: await runInTurn(scenario) });
}
for (const broker of brokers.values()) await broker.stop();
await tools?.close();

const table = formatTable(outcomes, peer);
console.log(`\n${table}`);
if (options.only === "") writeResult(table);

/** Runs the scenario on each broker in turn, so that a slow minute of the machine hits both. */
async function runInTurn(scenario: Scenario): Promise<Map<string, Figures[]>> {
  const products = scenario.isOursOnly ? (["xylem"] as const) : [...starts.keys()];
  const measured: BrokerProcess[] = [];
  for (const product of products) measured.push(await startOnce(product));
  const runs = new Map<string, Figures[]>(products.map((product) => [product, []]));
  const counted = Math.min(repetitions, scenario.repetitionsMax ?? repetitions);
  for (let round = scenario.isWarmedUp ? -1 : 0; round < counted; round += 1) {
    for (const broker of measured) {
      const figures = await measure(scenario, broker);
      if (round >= 0) runs.get(broker.product)?.push(figures);
    }
  }
  return runs;
}

async function startOnce(product: Product): Promise<BrokerProcess> {
  const running = brokers.get(product) ?? (await startOf(product)());
  brokers.set(product, running);
  return running;
}

function startOf(product: Product): Start {
  return starts.get(product) ?? startXylem;
}

async function measure(scenario: Scenario, broker: BrokerProcess): Promise<Figures> {
  const startAnother = startOf(broker.product);
  const bench: Bench = { broker, startAnother, tools, isQuick: options.quick };
  const figures = await scenario.measure(bench);
  const shown = Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(2)}`);
  console.log(`${scenario.name}, ${broker.product}: ${shown.join(", ")}`);
  return figures;
}

function writeResult(result: string): void {
  const now = new Date().toISOString();
  const folder = `${repositoryRoot}/bench/results`;
  mkdirSync(folder, { recursive: true });
  const [cpu] = cpus();
  const load = options.quick ? "; quick: a smaller load" : "";
  const memoryGiB = Math.round(totalmem() / 2 ** 30);
  const lines = [
    `# Bench, ${now.slice(0, 16).replace("T", " ")} UTC`,
    "",
    `- machine: ${cpus().length} x ${cpu?.model ?? arch()}, ${memoryGiB} GiB, Linux ${release()}`,
    `- load before the run: ${loadBefore.toFixed(1)}; idle is 0, ratios say more than figures`,
    `- commit: ${describeCommit()}`,
    `- Node ${process.versions.node}; peer: ${describePeer()}`,
    `- runs in turn, median of at most ${repetitions}${load}`,
    "- broker CPU is user and system time of the broker's process",
    "- fsync: Xylem flushes before it acknowledges; Kafka is set to flush.messages=1",
    "",
    result,
    "",
  ];
  const name = options.before === undefined ? "" : `-before-${options.before}`;
  writeFileSync(`${folder}/${now.slice(0, 10)}${name}.md`, lines.join("\n"));
}

function describePeer(): string {
  if (options.before === undefined) return "Apache Kafka from test/interop/java/pom.xml";
  return `Xylem at ${git("rev-parse", "--short", options.before)}`;
}

function describeCommit(): string {
  const isChanged = git("status", "--porcelain", "src") !== "";
  return `${git("rev-parse", "--short", "HEAD")}${isChanged ? ", with changes in src" : ""}`;
}

function git(...args: string[]): string {
  try {
    return execFileSync("git", args, { cwd: repositoryRoot, encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}
