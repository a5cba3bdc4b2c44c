import type { MetricsPage } from "./metrics.ts";

/** What the routes ask of the node. */
export interface NodeStatus {
  /** Whether clients are served: started, and not stopping. */
  isReady(): boolean;
  /** This node as `/healthz` and `/readyz` name it. */
  describe(): { readonly nodeId: number; readonly clusterId: string };
  readonly metrics: MetricsPage;
}

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

export interface Route {
  readonly path: string;
  /** Whether a foreign page may not even read it (browser-guard.ts). */
  readonly isData: boolean;
  handle(node: NodeStatus): Answer | Promise<Answer>;
}

/** Every path of the HTTP door; each answers GET and HEAD. */
export const routes: readonly Route[] = [
  { path: "/healthz", isData: false, handle: answerHealth },
  { path: "/readyz", isData: false, handle: answerReadiness },
  { path: "/metrics", isData: true, handle: answerMetrics },
];

function answerHealth(node: NodeStatus): Answer {
  return json(200, { status: "ok", ...node.describe() });
}

function answerReadiness(node: NodeStatus): Answer {
  if (!node.isReady()) return json(503, { status: "not ready", ...node.describe() });
  return json(200, { status: "ready", ...node.describe() });
}

async function answerMetrics(node: NodeStatus): Promise<Answer> {
  return { status: 200, ...(await node.metrics.render()) };
}

function json(status: number, value: unknown): Answer {
  return { status, contentType: "application/json", text: JSON.stringify(value) };
}
