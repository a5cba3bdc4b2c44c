import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { fastify, type FastifyInstance, type FastifyReply } from "fastify";
import type { Log } from "../../base/log.ts";
import { BodyBudget } from "./body-budget.ts";
import { toProblem } from "./errors.ts";
import { type GuestRoutes, mountGuests } from "./guest-routes.ts";
import { mountRoute, refuseOtherMethods, sendText, takeBodies } from "./mount-route.ts";
import { requestIdHeader } from "./request-ids.ts";
import { Refusal } from "./refusal.ts";
import { refuseMalformed } from "./refuse-on-stream.ts";
import type { HttpScope } from "./route.ts";

/** Longest topic, group and bucket names with every character percent-encoded. */
const paramLengthMax = 1_024;

export interface HttpApp {
  /** Of requests under way. */
  readonly bodyBytes: number;
  /** Answers a request that the guard let through; HTTP/2's compatible pair will do. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Runs what a program's own routes do at the end (`onClose`). Rejects with what that throws. */
  close(): Promise<void>;
}

/** The routes behind the HTTP door. Fastify finds the route and runs it; the sockets are ours. */
export async function openHttpApp(
  server: Server,
  scope: HttpScope,
  guests: GuestRoutes | undefined,
): Promise<HttpApp> {
  const { log, settings } = scope.broker;
  const app = fastify({
    serverFactory: () => server,
    bodyLimit: settings["http.request.max.bytes"],
    frameworkErrors: (error, _request, reply) =>
      void sendProblem(reply as FastifyReply, error, log),
    clientErrorHandler: refuseMalformed,
    routerOptions: { maxParamLength: paramLengthMax },
  });
  app.setErrorHandler((error, _request, reply) => sendProblem(reply, error, log));
  // Before the body: nobody takes it.
  app.addHook("onRequest", (request, _reply, next) => {
    if (!request.is404) return next();
    const path = request.url.split("?", 1)[0] ?? "";
    next(new Refusal(404, `Nothing is at ${path}.`, { code: "RESOURCE_NOT_FOUND" }));
  });
  const bodies = new BodyBudget({
    sizeBytesMax: () => settings["http.request.max.bytes"],
    memoryBytesMax: () => settings["http.requests.memory.max.bytes"],
  });
  app.register((own, _options, done) => {
    takeBodies(own, bodies, scope.broker);
    mountAll(own, scope);
    done();
  });
  if (guests !== undefined) mountGuests(app, guests);
  await app.ready();
  return {
    get bodyBytes() {
      return bodies.bytes;
    },
    handle: (request, response) => app.routing(request, response),
    close: () => app.close(),
  };
}

function mountAll(app: FastifyInstance, scope: HttpScope): void {
  const { routes } = scope;
  for (const one of routes) mountRoute(app, one, scope);
  for (const [path, known] of Map.groupBy(routes, (one) => one.path)) {
    refuseOtherMethods(
      app,
      path,
      known.map(({ method }) => method),
    );
  }
}

function sendProblem(reply: FastifyReply, error: unknown, log: Log): FastifyReply {
  const { problem, headers: told, isOwnFault } = toProblem(error);
  if (isOwnFault) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const { headers, routeOptions } = reply.request;
    const request = String(headers[requestIdHeader]);
    log.error("an HTTP request failed", { path: routeOptions.url, request, reason });
  }
  const { httpVersionMajor } = reply.request.raw;
  reply.code(problem.status).headers(httpVersionMajor === 1 ? told : ofStream(told));
  return sendText(reply, "application/problem+json", JSON.stringify(problem));
}

const ofConnection = new Set(["connection", "upgrade"]);

/** HTTP/2 has no headers that speak of the connection (RFC 9113, 8.2.2). */
function ofStream(headers: Readonly<Record<string, string>>): Record<string, string> {
  const names = Object.keys(headers).filter((name) => !ofConnection.has(name));
  return Object.fromEntries(names.map((name) => [name, headers[name] ?? ""]));
}
