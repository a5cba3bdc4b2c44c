import { XylemError } from "../../../base/errors.ts";
import { parseUuid } from "../../../base/uuid.ts";
import type { Broker } from "../../../broker/broker.ts";
import { chainsPrefix } from "../../../replication/chain-config.ts";
import { answersJson, type Route, route } from "../route.ts";
import * as shapes from "../schemas/cluster.ts";
import { integer } from "../schemas/schema.ts";

const tag = "Cluster";
const path = "/v1/cluster/plan";
/** Moves that copy at the same time, unless it is said otherwise. */
const movesAtOnceInitial = 16;

const status = route({
  method: "GET",
  path: "/v1/cluster/status",
  tag,
  summary: "Every node's part of everything, and how far the plan is.",
  description: "The controller asks all nodes; of those that do not answer sizes are null.",
  answers: { 200: answersJson("As the controller knows it.", shapes.clusterStatus) },
  problems: { 400: "The node is by itself." },
  handle: ({ broker }) => answerStatus(broker),
});

const draft = route({
  method: "GET",
  path,
  tag,
  summary: "Shows what would move, because of nodes that join or leave, and to even out the rest.",
  description: "Nothing moves, and no node gets or loses its part, before it is committed.",
  query: {
    "replicas-min": integer({
      minimum: 0,
      maximum: 1_000,
      description: "Partitions with fewer replicas get as many.",
      default: 0,
    }),
  },
  answers: { 200: answersJson("The plan.", shapes.draftedPlan) },
  problems: {
    400: "The node is by itself, or no node would be left.",
    409: "A plan is running: REASSIGNMENT_IN_PROGRESS.",
  },
  handle: async ({ broker }, { query }) => {
    const replicasMin = query["replicas-min"] ?? 0;
    const { moves, ...plan } = await administrationOf(broker).draft({ replicasMin });
    const named = moves.map(({ key, ...move }) => ({ ...partitionOf(broker, key), ...move }));
    return { status: 200, json: { ...plan, moves: named } };
  },
});

const commit = route({
  method: "POST",
  path,
  tag,
  summary: "Commits a plan that was shown: what it says begins to move.",
  description: "The same again answers how far it is.",
  body: { json: shapes.commitment },
  answers: { 200: answersJson("How far it is.", shapes.committedPlan) },
  problems: {
    400: "The node is by itself, or records would be lost that nobody said may be.",
    409: "The cluster is not what it was (PLAN_CHANGED), or another plan is running.",
  },
  handle: async ({ broker }, { body }) => {
    const { planId, movesAtOnce = movesAtOnceInitial, acceptsLoss = false } = body;
    const ask = { planId, movesAtOnce, acceptsLoss };
    return { status: 200, json: await administrationOf(broker).commit(ask) };
  },
});

const steer = route({
  method: "PATCH",
  path,
  tag,
  summary: "Pauses the plan that runs, lets it go on, or cancels it.",
  description:
    "Paused: what copies goes on, nothing else begins. Cancelled: what copies goes back.",
  body: { json: shapes.steering },
  answers: { 200: answersJson("How far it is.", shapes.committedPlan) },
  problems: { 400: "The node is by itself.", 404: "No plan is running." },
  handle: async ({ broker }, { body }) => {
    return { status: 200, json: await administrationOf(broker).steer(body.state) };
  },
});

const change = route({
  method: "PATCH",
  path: "/v1/cluster/nodes/{node}",
  tag,
  summary: "Has a node join or leave by the next plan, or drains it at once.",
  params: { node: integer({ minimum: 0, description: "Its id." }) },
  body: { json: shapes.nodeChange },
  answers: { 200: answersJson("The cluster, as it is with that.", shapes.clusterStatus) },
  problems: { 400: "It can not be so, or the node is by itself.", 503: "The node is not up." },
  handle: async ({ broker }, { params, body }) => {
    const administration = administrationOf(broker);
    const { isDraining, ...seat } = body;
    if (Object.keys(seat).length > 0) await administration.changeSeat(params.node, seat);
    if (isDraining !== undefined) await administration.drain(params.node, isDraining);
    return await answerStatus(broker);
  },
});

async function answerStatus(broker: Broker) {
  const { stuck, ...known } = await administrationOf(broker).status();
  const named = stuck.map(({ key, why }) => ({ ...partitionOf(broker, key), why }));
  return { status: 200, json: { ...known, stuck: named } };
}

/** Throws INVALID_REQUEST. */
function administrationOf({ administration }: Broker): NonNullable<Broker["administration"]> {
  if (administration !== undefined) return administration;
  throw new XylemError("INVALID_REQUEST", "This node is by itself: it has no coordinator");
}

/** A chain by the name of its topic; a topic that is gone by its id. */
function partitionOf({ topics }: Broker, key: string) {
  const [topicId = "", partition] = key.slice(chainsPrefix.length).split("/");
  const topic = topics.findById(parseUuid(topicId))?.name ?? topicId;
  return { topic, partition: Number(partition) };
}

export const clusterPlanRoutes: readonly Route[] = [status, draft, commit, steer, change];
