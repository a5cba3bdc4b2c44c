import type { JsonSchema } from "./schema.ts";

/** RFC 9457, with the error's code and more members where the error has facts. */
export const problem: JsonSchema = {
  type: "object",
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    code: { type: "string", description: "Of docs/errors.md." },
    retriable: { type: "boolean", description: "Whether trying again may help." },
  },
  required: ["type", "title", "status", "detail", "code", "retriable"],
};
