// `node bench/failover.ts [--rounds 40] [--pauses 5] [--coordinator etcd|consul]`: how long a topic
// goes without an answer when its head dies, and where the time goes. Writes docs/reports.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { ClusterLoad } from "../test/support/cluster-load.ts";
import { ConsulAgent } from "../test/support/consul.ts";
import { type HeadDeath, HeadDeaths } from "../test/support/head-deaths.ts";
import { repositoryRoot } from "../test/support/repository.ts";
import { waitUntil } from "../test/support/wait-until.ts";
import { XylemCluster } from "../test/support/xylem-cluster.ts";
import { median } from "./median.ts";

interface Round extends HeadDeath {
  readonly how: "killed" | "paused";
  /** Of the first line in the log of a node that is left that says so, from the death on. */
  readonly noticedMs: number | undefined;
  readonly officeMs: number | undefined;
  readonly changedMs: number | undefined;
}

const topic = "orders";
/** What no failover may take: what the nodes said in one that did is shown. */
const longestMs = 3_000;
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "40" },
    pauses: { type: "string", default: "5" },
    coordinator: { type: "string", default: "etcd" },
  },
});

interface Bench {
  readonly cluster: XylemCluster;
  /** Another node may become the controller. */
  readonly freeOffice: () => Promise<unknown>;
}

const office = "xylem/xylem/controller";

async function start(): Promise<Bench> {
  if (values.coordinator !== "consul") {
    const cluster = await XylemCluster.start(3);
    const url = `http://${cluster.etcd.address}/v3/kv/deleterange`;
    const body = JSON.stringify({ key: Buffer.from(office).toString("base64") });
    return { cluster, freeOffice: () => fetch(url, { method: "POST", body }) };
  }
  const [agent] = (await ConsulAgent.startServers(1)) as [ConsulAgent];
  const shared = { url: `consul://${agent.address}`, stop: () => agent.stop() };
  const url = `http://${agent.address}/v1/kv/${office}`;
  const freeOffice = () => fetch(url, { method: "DELETE" });
  return { cluster: await XylemCluster.startOn(shared, 3), freeOffice };
}

/** Until the head is the controller too, or until it is not. */
async function whenOffice({ cluster, freeOffice }: Bench, isHeads: boolean): Promise<void> {
  await waitUntil("the office is where it is wanted", async () => {
    const head = await heads.headAt(1);
    const { controllerId } = await cluster.describe(1);
    const isFilled = controllerId > 0;
    if (isFilled && (controllerId === head) !== isHeads) await freeOffice();
    return isFilled && (controllerId === head) === isHeads;
  });
}

interface Line {
  readonly id: number;
  /** From the death on. */
  readonly afterMs: number;
  readonly text: string;
}

/** What these nodes have said since then, in its order. */
function linesSince(ids: readonly number[], sinceMs: number): readonly Line[] {
  const lines = ids.flatMap((id) => {
    const texts = cluster.node(id).output.split("\n");
    return texts.map((text) => ({ id, text, afterMs: Date.parse(text.slice(0, 24)) - sinceMs }));
  });
  return lines.filter(({ afterMs }) => afterMs >= 0).sort((a, b) => a.afterMs - b.afterMs);
}

async function run(how: Round["how"]): Promise<Round> {
  const sinceMs = Date.now();
  const death = await (how === "killed" ? heads.kill() : heads.pause());
  const left = cluster.ids.filter((id) => id !== death.head);
  const lines = linesSince(left, sinceMs);
  const at = (text: string) => lines.find((line) => line.text.includes(text))?.afterMs;
  const round: Round = {
    ...death,
    how,
    noticedMs: at("link to another node lost"),
    officeMs: at("this node is the controller"),
    // Many at once are one line.
    changedMs: at("a chain changes") ?? at("chains change"),
  };
  if (how === "killed" && death.ackMs > longestMs) {
    for (const { id, afterMs, text } of lines) console.log(`${afterMs} ms, node ${id}: ${text}`);
  }
  if (how === "killed") await cluster.node(death.head).restart();
  else process.kill(cluster.node(death.head).pid, "SIGCONT");
  await cluster.whenWhole(topic, 3);
  await load.goOn(20);
  return round;
}

function row(name: string, rounds: readonly Round[]): string {
  if (rounds.length === 0) return `| ${name} | 0 | | | | | |`;
  const middle = (pick: (round: Round) => number | undefined): string => {
    const known = rounds.flatMap((round) => pick(round) ?? []);
    return known.length === 0 ? "" : String(Math.round(median(known)));
  };
  const most = Math.max(...rounds.map(({ ackMs }) => ackMs));
  const steps = [
    middle(({ noticedMs }) => noticedMs),
    middle(({ officeMs, wasController }) => (wasController ? officeMs : undefined)),
    middle(({ changedMs }) => changedMs),
  ];
  const cells = [name, rounds.length, ...steps, middle(({ ackMs }) => ackMs), most];
  return `| ${cells.join(" | ")} |`;
}

const bench = await start();
const { cluster } = bench;
const load = await ClusterLoad.start(cluster, topic);
const heads = new HeadDeaths(cluster, topic, load);
const rounds: Round[] = [];
const howOften = { killed: Number(values.rounds), paused: Number(values.pauses) };
for (const how of ["killed", "paused"] as const) {
  for (let at = 0; at < howOften[how]; at += 1) {
    // Two of three heads are no controller.
    await whenOffice(bench, at % 3 === 2);
    const round = await run(how);
    rounds.push(round);
    console.log(JSON.stringify(round));
  }
}
await load.stop();
const read = await load.readAll();
const isEqual = JSON.stringify(read) === JSON.stringify(load.acknowledged);
await cluster.stop();

const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: repositoryRoot });
const day = new Date().toISOString().slice(0, 10);
const of = (how: Round["how"], wasController: boolean): readonly Round[] =>
  rounds.filter((round) => round.how === how && round.wasController === wasController);
const lines = [
  `# Failover on ${values.coordinator}, ${day}`,
  "",
  `Three nodes and ${values.coordinator} with one member on one machine of two cores, at commit ` +
    `${String(commit).trim()}`,
  `(load of the machine by all that ran: ${loadavg()[1]?.toFixed(0)});`,
  "one kafkajs producer, idempotent, acks=all, one record at a time,",
  "min.insync.replicas 2, all else by default. Milliseconds from the death: medians",
  "until a link was lost, until another node was the controller, until a chain was changed, until",
  `the first answer, and the longest. ${load.acknowledged.length} records acknowledged; ` +
    `read back once and in order: ${isEqual ? "yes" : "NO"}.`,
  `\`node bench/failover.ts --coordinator ${values.coordinator} --rounds ${values.rounds}\``,
  "",
  "| head | times | noticed | office | changed | answered | longest |",
  "|---|---|---|---|---|---|---|",
  row("killed", of("killed", false)),
  row("killed, the controller too", of("killed", true)),
  row("paused", of("paused", false)),
  row("paused, the controller too", of("paused", true)),
  "",
];
const path = `${repositoryRoot}/docs/reports/failover-${values.coordinator}-${day}.md`;
writeFileSync(path, lines.join("\n"));
console.log(lines.join("\n"));
process.exitCode = isEqual ? 0 : 1;
