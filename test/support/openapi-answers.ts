import type { OpenApi, Operation } from "../../src/servers/http/reference/openapi.ts";
import { findProblem } from "../../src/servers/http/schemas/find-problem.ts";
import type { Told } from "./http-door.ts";

export interface Described {
  /** `GET /v1/topics` */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

export function operationsOf(openapi: OpenApi): readonly Described[] {
  return Object.entries(openapi.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([lower, operation]) => {
      const method = lower.toUpperCase();
      return { name: `${method} ${path}`, method, path, operation };
    }),
  );
}

/** What is wrong with an answer, by the operation's own description; undefined: nothing. */
export function complain(operation: Operation, answer: Told): string | undefined {
  const described = operation.responses[String(answer.status)];
  if (described === undefined) return `${answer.status} is not described: ${answer.text}`;
  const type = answer.headers.get("content-type")?.split(";")[0];
  if (described.content === undefined) return answer.text === "" ? undefined : "there is a body";
  if (type === undefined) return "there is no content-type";
  // A record goes out with the type it came with.
  const isRecord = answer.headers.has("xylem-offset");
  const schema = described.content[isRecord ? "application/octet-stream" : type]?.schema;
  if (schema === undefined) return `${type} is not described`;
  return isRecord || answer.json === undefined ? undefined : findProblem(schema, answer.json);
}
