import type { HttpDoor } from "./http-door.ts";
import type { Case } from "./openapi-cases.ts";
import { waitUntil } from "./wait-until.ts";

const path = "/v1/cluster/plan";

const draft = async (door: HttpDoor): Promise<string> => {
  const { json } = await door.ask("GET", path);
  return (json as { planId: string }).planId;
};
const nextPlan = { planId: "" };
const known = async (door: HttpDoor): Promise<void> => void (nextPlan.planId = await draft(door));

/** A move to a node that is not up: the plan never ends. */
const hang = async (door: HttpDoor): Promise<void> => {
  await door.ask("PUT", "/v1/topics/case", { body: { partitions: 1 } });
  await door.broker.administration?.changeSeat(1, { seat: "leaving", replacement: 2 });
  await door.ask("POST", path, { body: { planId: await draft(door) } });
};
const end = async (door: HttpDoor): Promise<void> => {
  await door.ask("PATCH", path, { body: { state: "cancelled" } });
  await waitUntil("the plan has ended", async () => {
    const told = await door.ask("PATCH", path, { body: { state: "running" } });
    return told.status === 404;
  });
  await door.broker.administration?.changeSeat(1, { seat: "joining" });
};

/** The calls of a cluster of one node and an empty seat, as of `cases`. */
export const clusterCases: Readonly<Record<string, Readonly<Record<number, Case>>>> = {
  "GET /v1/cluster/status": { 200: { path: "/v1/cluster/status" } },
  "GET /v1/cluster/plan": {
    200: { path: `${path}?replicas-min=1` },
    409: { path, before: hang, after: end },
  },
  "POST /v1/cluster/plan": {
    200: { path, body: nextPlan, before: known },
    409: { path, body: { planId: "none" } },
  },
  "PATCH /v1/cluster/plan": {
    200: { path, body: { state: "paused" }, before: hang, after: end },
    404: { path, body: { state: "paused" } },
  },
  "PATCH /v1/cluster/nodes/{node}": {
    200: { path: "/v1/cluster/nodes/1", body: { weight: 2, isDraining: false } },
    503: { path: "/v1/cluster/nodes/9", body: { isDraining: true } },
  },
};
