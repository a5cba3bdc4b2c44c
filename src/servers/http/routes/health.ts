import { type Answer, answersJson, type HttpScope, type Route, route } from "../route.ts";
import { integer, object, oneOf, text } from "../schemas/schema.ts";

const health = object({
  status: oneOf(["ok", "ready", "not ready"]),
  nodeId: integer(),
  clusterId: text(),
});

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
    503: answersJson("The node is stopping.", health),
  },
  handle: (scope) => {
    return scope.node.isReady() ? answer(scope, 200, "ready") : answer(scope, 503, "not ready");
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

function answer({ broker }: HttpScope, status: number, said: string): Answer {
  const { nodeId, clusterId } = broker.identity;
  return { status, json: { status: said, nodeId, clusterId } };
}

export const healthRoutes: readonly Route[] = [answerHealth, answerReadiness, answerMetrics];
