import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { assert } from "../../base/assert.ts";
import type { Broker } from "../../broker/broker.ts";
import type { Body, BodyBudget } from "./body-budget.ts";
import { chooseCoding, compress } from "./compress-answer.ts";
import { cutOff, streamOf } from "./cut-off.ts";
import { mediaTypeOf } from "./media-type.ts";
import { readCall } from "./read-call.ts";
import { Refusal } from "./refusal.ts";
import type { Answer, Call, HttpScope, PlainAnswer, Route } from "./route.ts";
import { sendAnswer } from "./send-answer.ts";

const allMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
const nothing = new Uint8Array();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Bodies as the node's own routes take them: bytes, within their bounds. */
export function takeBodies(app: FastifyInstance, budget: BodyBudget, broker: Broker): void {
  const { clock, settings } = broker;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", async (request: FastifyRequest, payload: IncomingMessage) => {
    const declared = request.headers["content-length"];
    const length = declared === undefined ? undefined : Number(declared);
    // Over HTTP/1 Node ends a request that takes longer; over HTTP/2 this does.
    const timeoutMs = settings["http.request.timeout.ms"];
    const isStream = streamOf(payload) !== undefined;
    const cancel = isStream ? clock.schedule(timeoutMs, () => cutOff(payload)) : undefined;
    try {
      return await budget.read(payload, length);
    } finally {
      cancel?.();
    }
  });
}

interface Answered {
  readonly call: Call;
  readonly answered: Answer;
}

/** Serves a route: reads and checks the call, asks the use case, sends its answer. */
export function mountRoute(app: FastifyInstance, one: Route, scope: HttpScope): void {
  const readBody = bodyReader(app, one);
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<Answered> => {
    const taken = request.body as Body | undefined;
    try {
      const { params, query, headers } = request;
      const body = readBody(request, taken?.bytes ?? nothing);
      const call = readCall(one, { params, query, headers, body, response: reply.raw }, scope);
      return { call, answered: await one.handle(scope, call) };
    } finally {
      taken?.release();
    }
  };
  app.route({
    method: one.method,
    url: fastifyPath(one.path),
    handler: async (request, reply) => {
      const { call, answered } = await answer(request, reply);
      if ("takeOver" in answered || answered.holds === undefined) return send(reply, answered);
      const sizeBytesMin = scope.broker.settings["http.compression.min.bytes"];
      call.room.become(answered.content?.length ?? 0);
      const isPage = answered.holds === "page";
      const sent = isPage ? await compressed(reply, answered, sizeBytesMin) : answered;
      call.room.become(sent.content?.length ?? 0);
      send(reply, sent);
      call.room.sent(reply.raw);
      return reply;
    },
  });
}

/** Other methods of a path are told which ones there are. */
export function refuseOtherMethods(app: FastifyInstance, path: string, known: readonly string[]) {
  const allowed = known.includes("GET") ? [...known, "HEAD"] : known;
  const allow = allowed.join(", ");
  app.route({
    method: allMethods.filter((method) => !allowed.includes(method)) as HTTPMethods[],
    url: fastifyPath(path),
    // Before the body: nobody takes it.
    onRequest: () => {
      throw new Refusal(405, `${path} answers ${allow}.`, { headers: { allow } });
    },
    handler: () => undefined,
  });
}

function fastifyPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

type BodyReader = (request: FastifyRequest, bytes: Uint8Array) => unknown;

function bodyReader(app: FastifyInstance, { body }: Route): BodyReader {
  if (body === undefined) return () => undefined;
  if ("bytes" in body) return (_request, bytes) => bytes;
  // A key named __proto__ or constructor.prototype is refused: nobody means it well.
  const parse = app.getDefaultJsonParser("error", "error");
  return (request, bytes) => {
    const type = mediaTypeOf(request.headers["content-type"]);
    if (bytes.length === 0 && type === undefined) return {};
    if (type !== "application/json") {
      throw new Refusal(415, `The body must be application/json, not ${type ?? "untold"}.`);
    }
    let read: { readonly error: Error | null; readonly value: unknown } | undefined;
    void parse(request, decodeText(bytes), (error, value: unknown) => (read = { error, value }));
    assert(read !== undefined, "Fastify's JSON parser answers at once");
    if (read.error === null) return read.value;
    throw new Refusal(400, `The body is no JSON: ${read.error.message}`);
  };
}

function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Refusal(400, "The body is not in UTF-8.");
  }
}

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  reply.hijack();
  if ("takeOver" in answer) answer.takeOver(reply.request.raw, reply.raw);
  else sendAnswer(reply.raw, answer);
  return reply;
}

async function compressed(
  reply: FastifyReply,
  answer: PlainAnswer,
  sizeBytesMin: number,
): Promise<PlainAnswer> {
  const { content = "" } = answer;
  const headers = { ...answer.headers, vary: "origin, accept-encoding" };
  const coding = chooseCoding(reply.request.headers["accept-encoding"]);
  if (coding === undefined || content.length < sizeBytesMin) return { ...answer, headers };
  const coded = await compress(content, coding);
  return { ...answer, headers: { ...headers, "content-encoding": coding }, content: coded };
}

/** Fastify adds a charset to what it takes for JSON; JSON has none (RFC 8259, 11). */
export function sendText(reply: FastifyReply, contentType: string, text: string): FastifyReply {
  return reply.header("content-type", contentType).serializer(asItIs).send(text);
}

const asItIs = (text: string): string => text;
