import { waitUntil } from "../../support/wait-until.ts";
import type { Arena, Nemesis } from "../campaign/arena.ts";

const drainedWithinMs = 30_000;

interface Status {
  readonly nodes: readonly {
    readonly nodeId: number;
    readonly status: string;
    readonly heads: number;
    readonly replicas: number;
  }[];
  readonly plan: { readonly planId: string; readonly state: string } | null;
}

type Act = () => Promise<unknown>;

/** Who takes part changes by hand while everything is written and read. */
export const memberships: readonly Nemesis[] = [
  {
    name: "a node joins by plan, and leaves by another",
    strike: (arena) => visit(arena),
  },
  {
    name: "a node joins by plan, and the controller dies meanwhile",
    strike: (arena) =>
      visit(arena, async () => {
        const controller = await arena.controller();
        await controller.kill();
        await arena.rest(500, 3_000);
        await controller.start();
      }),
  },
  {
    name: "a node joins by plan, and dies meanwhile",
    strike: (arena) =>
      visit(arena, async () => {
        await arena.cluster.spare.kill();
        await arena.rest(500, 3_000);
        await arena.cluster.spare.start();
      }),
  },
  {
    name: "a node gives its place to another, and takes it back",
    strike: async (arena) => {
      const { spare } = arena.cluster;
      const node = arena.anyNode();
      await invite(arena);
      await change(arena, node.id, { seat: "leaving", replacement: spare.id });
      await runPlan(arena);
      await arena.rest(500, 2_000);
      await change(arena, node.id, { seat: "joining" });
      await change(arena, spare.id, { seat: "leaving", replacement: node.id });
      await runPlan(arena);
      await dismiss(arena);
    },
  },
  {
    name: "a node is drained, and takes part again",
    strike: async (arena) => {
      const node = arena.anyNode();
      await change(arena, node.id, { isDraining: true });
      const isEmpty = async (): Promise<boolean> => (await seatOf(arena, node.id))?.heads === 0;
      await waitUntil(`node ${node.id} leads nothing`, isEmpty, drainedWithinMs);
      await arena.rest(1_000, 4_000);
      await change(arena, node.id, { isDraining: false });
    },
  },
];

/** The spare node takes its part by a plan, and gives it away by another. */
async function visit(arena: Arena, meanwhile: Act = () => Promise.resolve()): Promise<void> {
  await invite(arena);
  await runPlan(arena, meanwhile);
  await arena.rest(1_000, 4_000);
  await change(arena, arena.cluster.spare.id, { seat: "leaving" });
  await runPlan(arena);
  await dismiss(arena);
}

async function invite(arena: Arena): Promise<void> {
  const { spare } = arena.cluster;
  await spare.start();
  await waitUntil(`node ${spare.id} waits for a plan`, async () => {
    const seat = await seatOf(arena, spare.id);
    // One that has left before waits for a word.
    if (seat?.status === "left") await change(arena, spare.id, { seat: "joining" });
    return seat?.status === "joining";
  });
}

/** It has nothing any more, and is not seen again with what it had. */
async function dismiss(arena: Arena): Promise<void> {
  const { spare } = arena.cluster;
  const isOut = async (): Promise<boolean> => (await seatOf(arena, spare.id))?.status === "left";
  await waitUntil(`node ${spare.id} has left`, isOut);
  await spare.terminate();
  spare.wipe();
}

/** Shows a plan, commits what was shown and waits until it has run. */
async function runPlan(arena: Arena, meanwhile: Act = () => Promise.resolve()): Promise<void> {
  const { cluster } = arena;
  let planId = "";
  let refusal = "";
  const isCommitted = async (): Promise<boolean> => {
    const shown = await cluster.ask<{ planId: string }>("cluster/plan");
    planId = shown?.planId ?? "";
    const asked = cluster.tell("POST", "cluster/plan", { planId });
    refusal = await asked.then(() => "", String);
    return refusal === "";
  };
  await waitUntil("a plan is committed", isCommitted).catch((error) => {
    throw new Error(`${String(error)}: ${refusal}`);
  });
  await meanwhile();
  let last: Status | undefined;
  const isDone = async (): Promise<boolean> => {
    last = await cluster.ask<Status>("cluster/status");
    return last?.plan?.planId === planId && last.plan.state === "done";
  };
  await waitUntil("the plan has run", isDone).catch((error) => {
    throw new Error(`${String(error)}: ${JSON.stringify(last)}`);
  });
}

/** Again and again until a controller is there that does it. */
async function change({ cluster }: Arena, node: number, what: object): Promise<void> {
  let refusal = "";
  const isDone = async (): Promise<boolean> => {
    const asked = cluster.tell("PATCH", `cluster/nodes/${node}`, what);
    refusal = await asked.then(() => "", String);
    return refusal === "";
  };
  await waitUntil(`node ${node} is told ${JSON.stringify(what)}`, isDone).catch((error) => {
    throw new Error(`${String(error)}: ${refusal}`);
  });
}

async function seatOf({ cluster }: Arena, node: number) {
  const status = await cluster.ask<Status>("cluster/status");
  return status?.nodes.find(({ nodeId }) => nodeId === node);
}
