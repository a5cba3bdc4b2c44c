import type { Command } from "commander";
import type { PlanStatus } from "../../broker/cluster/plans/cluster-orders.ts";
import { bootstrapOption, jsonOption, parseCount, parseIndex } from "../arguments.ts";
import {
  ClusterCalls,
  findNode,
  type NodeChange,
  type ToldStatus,
} from "../cluster/cluster-calls.ts";
import { formatPlan, formatProgress, formatStatus } from "../cluster/cluster-tables.ts";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import type { BrokerOptions } from "../kafka-clients.ts";
import { formatJson, printLine, printOutcome, Progress } from "../terminal.ts";

interface ClusterOptions extends BrokerOptions {
  readonly json?: boolean;
}

interface CommitOptions extends ClusterOptions {
  readonly movesAtOnce?: number;
  readonly replicas?: number;
  readonly acceptLoss?: boolean;
  readonly wait?: boolean;
}

/** Between two looks at what is waited for. */
const lookIntervalMs = 300;
/** How long a drained node may lead what others can lead before whoever waits is told. */
const drainPatienceMs = 60_000;

/** What people say of the nodes of a cluster, by any of them: who takes part, and what moves. */
export function addClusterPlanCommands(cluster: Command): void {
  addPlans(cluster);
  addNodes(cluster);
}

function addPlans(cluster: Command): void {
  command(cluster, "status", "every node's part of everything, and how far the plan is").action(
    printStatus,
  );
  command(cluster, "plan", "show what would move; nothing does before a commit")
    .option("--replicas <count>", "partitions with fewer replicas get as many", parseCount)
    .action(printPlan);
  command(cluster, "commit", "commit a plan: what it says begins to move")
    .argument("[plan]", "a plan that was shown; without it, what would be shown now")
    .option("--replicas <count>", "partitions with fewer replicas get as many", parseCount)
    .option("--moves-at-once <count>", "partitions that copy at the same time", parseCount)
    .option("--accept-loss", "partitions that nobody has any more may begin anew, empty")
    .option("--wait", "until the plan has ended")
    .action(commitPlan);
  for (const [name, state, help] of steering) {
    command(cluster, name, help).action((options: ClusterOptions) => steerPlan(state, options));
  }
}

const steering = [
  ["pause", "paused", "no further move of the plan begins"],
  ["resume", "running", "a plan that was paused goes on"],
  ["cancel", "cancelled", "the plan ends: what copies goes back, what is done stays"],
] as const;

function addNodes(cluster: Command): void {
  command(cluster, "join", "a node waits for a part; one that was to leave stays")
    .argument("[node]", "its id; without it, the node that answers", parseIndex)
    .option("--weight <number>", "its part in relation to others'", parseWeight)
    .action(joinCluster);
  command(cluster, "leave", "a node gives everything away by the next plan")
    .argument("<node>", "its id", parseIndex)
    .action((id: number, options: ClusterOptions) => change(id, { seat: "leaving" }, options));
  command(cluster, "replace", "a node gives everything to another one by the next plan")
    .argument("<node>", "its id", parseIndex)
    .argument("<by>", "the other one's", parseIndex)
    .action((id: number, replacement: number, options: ClusterOptions) =>
      change(id, { seat: "leaving", replacement }, options),
    );
  command(cluster, "remove", "a node that is down never comes back; others by the next plan")
    .argument("<node>", "its id", parseIndex)
    .option("--by <node>", "the one that takes its place", parseIndex)
    .action((id: number, options: ClusterOptions & { by?: number }) => {
      const { by: replacement } = options;
      const place = replacement === undefined ? {} : { replacement };
      return change(id, { seat: "leaving", isGone: true, ...place }, options);
    });
  command(cluster, "weigh", "a node gets another part of everything by the next plan")
    .argument("<node>", "its id", parseIndex)
    .argument("<weight>", "its part in relation to others'; 0 is nothing", parseWeight)
    .action((id: number, weight: number, options: ClusterOptions) =>
      change(id, { weight }, options),
    );
  command(cluster, "drain", "others lead what a node leads, at once; it stays up and stays in")
    .argument("<node>", "its id", parseIndex)
    .option("--wait", "until it leads nothing that another node can lead")
    .action(drainNode);
  command(cluster, "undrain", "a drained node takes part again")
    .argument("<node>", "its id", parseIndex)
    .action((id: number, options: ClusterOptions) => change(id, { isDraining: false }, options));
}

const examples: Readonly<Record<string, string>> = {
  status: "status --json",
  plan: "plan --replicas 3",
  commit: "commit --wait",
  pause: "pause",
  resume: "resume",
  cancel: "cancel",
  join: "join 4",
  leave: "leave 3",
  replace: "replace 3 4",
  remove: "remove 3",
  weigh: "weigh 3 2",
  drain: "drain 3 --wait",
  undrain: "undrain 3",
};

function command(cluster: Command, name: string, help: string): Command {
  return cluster
    .command(name)
    .description(help)
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText("after", `\nExamples:\n  $ xylem cluster ${examples[name]}`);
}

async function printStatus(options: ClusterOptions): Promise<void> {
  show(await new ClusterCalls(options).status(), options);
}

async function printPlan(options: ClusterOptions & { replicas?: number }): Promise<void> {
  const plan = await new ClusterCalls(options).plan(options.replicas ?? 0);
  if (options.json) return printLine(formatJson(plan));
  printLine(formatPlan(plan));
  printLine(`\nTo have it so: xylem cluster commit ${plan.planId}`);
}

async function commitPlan(planId: string | undefined, options: CommitOptions): Promise<void> {
  const calls = new ClusterCalls(options);
  const { movesAtOnce, acceptLoss: acceptsLoss = false, json } = options;
  const drafted = planId === undefined ? await calls.plan(options.replicas ?? 0) : undefined;
  if (drafted !== undefined && !json) printLine(`${formatPlan(drafted)}\n`);
  const id = planId ?? (drafted?.planId as string);
  const bound = movesAtOnce === undefined ? {} : { movesAtOnce };
  const committed = await calls.commit({ planId: id, acceptsLoss, ...bound });
  const plan = options.wait ? await whenEnded(calls, committed) : committed;
  printOutcome(plan, options, formatProgress(plan));
}

/** No node may answer for a moment, as while the controller changes. */
async function whenEnded(calls: ClusterCalls, committed: PlanStatus): Promise<PlanStatus> {
  let plan = committed;
  const progress = new Progress(() => formatProgress(plan));
  try {
    while (isRunning(plan)) {
      await new Promise((resolve) => setTimeout(resolve, lookIntervalMs));
      const status = await calls.status().catch(unlessForAMoment);
      if (status === undefined) continue;
      if (status.plan?.planId !== plan.planId) {
        throw new CommandFailure(`plan ${plan.planId} has ended, and another one was committed`);
      }
      plan = status.plan;
    }
  } finally {
    progress.end();
  }
  return plan;
}

/** A cancelled one brings back what copies. */
function isRunning({ state, waiting, running }: PlanStatus): boolean {
  return state === "cancelled" ? running > 0 : state !== "done" || waiting + running > 0;
}

function unlessForAMoment(error: unknown): undefined {
  const problem = error instanceof CommandFailure ? error.cause : undefined;
  if ((problem as { status?: number } | undefined)?.status !== 503) throw error;
}

async function steerPlan(
  state: "running" | "paused" | "cancelled",
  options: ClusterOptions,
): Promise<void> {
  const plan = await new ClusterCalls(options).steer(state);
  printOutcome(plan, options, formatProgress(plan));
}

/** A node that has started waits already: nothing else is to be done. */
async function joinCluster(
  given: number | undefined,
  options: ClusterOptions & { weight?: number },
): Promise<void> {
  const calls = new ClusterCalls(options);
  const id = given ?? (await calls.nodeId());
  const { seat } = findNode(await calls.status(), id);
  const weight = options.weight === undefined ? {} : { weight: options.weight };
  const isIn = seat === "joining" || seat === "valid";
  const wanted: NodeChange = isIn ? weight : { seat: "joining", ...weight };
  const hasNews = Object.keys(wanted).length > 0;
  const status = hasNews ? await calls.change(id, wanted) : await calls.status();
  show(status, options);
}

async function drainNode(id: number, options: ClusterOptions & { wait?: boolean }): Promise<void> {
  const calls = new ClusterCalls(options);
  let status = await calls.change(id, { isDraining: true });
  const untilMs = performance.now() + drainPatienceMs;
  let toldCount = 0;
  for (;;) {
    const { heads, keptHeads = 0 } = findNode(status, id);
    if (keptHeads > 0 && keptHeads !== toldCount) tellKept(id, keptHeads);
    toldCount = keptHeads;
    if (options.wait !== true || heads <= keptHeads) return show(status, options);
    if (performance.now() > untilMs) {
      const count = heads - keptHeads;
      throw new CommandFailure(`node ${id} still leads ${count} partitions that others can lead`);
    }
    await new Promise((resolve) => setTimeout(resolve, lookIntervalMs));
    status = await calls.status();
  }
}

/** At once: whoever waits for a node to lead nothing would wait in vain. */
function tellKept(id: number, count: number): void {
  const why = "no other node that is up has them, or min.insync.replicas needs it there";
  process.stderr.write(`node ${id} goes on leading ${count} partitions: ${why}\n`);
}

async function change(id: number, wanted: NodeChange, options: ClusterOptions): Promise<void> {
  show(await new ClusterCalls(options).change(id, wanted), options);
}

function show(status: ToldStatus, { json }: ClusterOptions): void {
  printLine(json ? formatJson(status) : formatStatus(status));
}

function parseWeight(text: string): number {
  const weight = text === "" ? Number.NaN : Number(text);
  if (Number.isFinite(weight) && weight >= 0) return weight;
  throw new CommandFailure(`"${text}" is no weight: a number from 0 on`, exitCodes.usage);
}
