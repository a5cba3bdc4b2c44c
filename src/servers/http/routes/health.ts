import { type Answer, answersJson, type HttpScope, type Route, route } from "../route.ts";
import { integer, object, oneOf, text } from "../schemas/schema.ts";

const health = object(
  {
    status: oneOf(["ok", "ready", "not ready"]),
    nodeId: integer(),
    clusterId: text(),
  },
  { reason: text({ description: "Why it is not ready." }) },
);

const answerHealth = route({
  method: "GET",
  path: "/healthz",
  tag: "Node",
  summary: "Whether the process lives.",
  isPublic: true,
  answers: { 200: answersJson("It does.", health) },
  handle: (scope) => answer(scope, 200, "ok"),
});

const answerReadiness = route({
  method: "GET",
  path: "/readyz",
  tag: "Node",
  summary: "Whether clients are served.",
  isPublic: true,
  answers: {
    200: answersJson("They are.", health),
    503: answersJson("The node is stopping, or has no lease in its cluster: `reason`.", health),
  },
  handle: (scope) => {
    const reason = reasonNotReady(scope);
    if (reason === undefined) return answer(scope, 200, "ready");
    return answer(scope, 503, "not ready", { reason });
  },
});

const answerMetrics = route({
  method: "GET",
  path: "/metrics",
  tag: "Node",
  summary: "The node's numbers in Prometheus' text format.",
  answers: {
    200: { description: "One line a number.", content: { "text/plain": { type: "string" } } },
  },
  handle: async ({ node }) => {
    const { contentType, text: content } = await node.metrics.render();
    return { status: 200, headers: { "content-type": contentType }, content };
  },
});

function reasonNotReady({ node, broker: { cluster } }: HttpScope): string | undefined {
  if (!node.isReady()) return "this node is stopping";
  if (cluster === undefined || cluster.isStanding) return undefined;
  return "this node has no lease from the coordinator, or has not caught up since it got one";
}

function answer(
  { broker }: HttpScope,
  status: number,
  said: string,
  more: { readonly reason?: string } = {},
): Answer {
  const { nodeId, clusterId } = broker.identity;
  return { status, json: { status: said, nodeId, clusterId, ...more } };
}

export const healthRoutes: readonly Route[] = [answerHealth, answerReadiness, answerMetrics];
