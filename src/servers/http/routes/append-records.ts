import { XylemError } from "../../../base/errors.ts";
import { anonymous } from "../../../base/principal.ts";
import { appendRecords, type AppendOutcome } from "../../../broker/records/append-records.ts";
import type { IdempotencyKey } from "../../../broker/records/idempotency/append-note.ts";
import { toProblem } from "../errors.ts";
import {
  contentTypeOf,
  largestRecordBytes,
  linesType,
  parseRecords,
  recordListType,
} from "../records/parse-records.ts";
import { clientId, locationOf, tellOutcome } from "../records/tell-outcome.ts";
import { type Answer, answersJson, type Route, route } from "../route.ts";
import { parseTimeSpan, timeSpan } from "../schemas/query.ts";
import { appended, newRecordList } from "../schemas/record.ts";
import { integer, oneOf, text } from "../schemas/schema.ts";
import { partitionIndex, topicName } from "../schemas/topic.ts";

const acksNumbers = { "0": 0, "1": 1, all: -1 } as const;
const ifMatchPattern = /^"(\d{1,15})"$/;

const append = route({
  method: "POST",
  path: "/v1/topics/{topic}/records",
  tag: "Records",
  summary: "Appends records: the body is the record, unless its media type says it is several.",
  description:
    `A body of ${linesType} is one record per line: bytes are kept and not parsed, empty lines ` +
    `are passed over, the last line needs no line feed. A body of ${recordListType} is a list. ` +
    "Any other body is one record, and its Content-Type is kept as the record's header " +
    "`content-type`; JSON is checked. Records of one partition are appended together or not at " +
    "all; over several the status is that of the first error, and `records` says of each.",
  params: { topic: topicName },
  query: {
    key: text({ description: "The key of the record, or of all lines.", maxLength: 65_536 }),
    partition: partitionIndex,
    acks: oneOf(["0", "1", "all"], { default: "all" }),
    "min-replicas": integer({
      description: "How many replicas must be there.",
      minimum: 1,
      maximum: 100,
    }),
    durability: oneOf(["fsync", "os"], {
      description: "Of this request; absent: the topic's.",
    }),
    timeout: timeSpan("How long the answer may take."),
  },
  headers: {
    "idempotency-key": {
      type: "string",
      description:
        "The same key with the same request again gets the first answer again, for 24 hours; " +
        "1 to 255 characters.",
    },
    "if-match": {
      type: "string",
      description: 'The offset, in quotes, that the first record is to get: `"42"`.',
    },
  },
  body: {
    description: "The record, or the records.",
    bytes: {
      "application/json": { description: "One record." },
      "application/octet-stream": { type: "string", description: "One record." },
      [linesType]: { type: "string", description: "One record per line." },
      [recordListType]: newRecordList,
    },
  },
  answers: {
    201: {
      ...answersJson("Appended.", appended),
      headers: { location: "The first record." },
    },
    202: answersJson("Taken, with acks=0: nobody waited.", appended),
  },
  problems: {
    400: "A parameter or the body is invalid.",
    404: "There is no such topic or partition.",
    409: "A request with this Idempotency-Key is under way.",
    412: "The next offset is another one: `expected` and `actual`.",
    413: "The body or a batch is too large.",
    415: "The topic takes another media type only: `content.type`.",
    422: "The Idempotency-Key came with another request before.",
    503: "Fewer replicas than min-replicas.",
  },
  handle: async ({ broker, tools, turn }, { params: { topic }, query, body, headers }) => {
    await turn.end();
    const { acks = "all", key, partition } = query;
    const contentType = headers["content-type"];
    const typeWanted = contentTypeOf(broker, topic);
    const sizeBytesMax = largestRecordBytes(broker, topic);
    const bounds = { sizeBytesMax, settings: broker.settings };
    const bytes = body as unknown as Uint8Array;
    const outcome = await appendRecords(broker, tools, {
      topic,
      records: parseRecords(bytes, { contentType, key, partition, typeWanted, ...bounds }),
      acks: acksNumbers[acks],
      timeoutMs: parseTimeSpan(query.timeout, broker.settings["append.timeout.ms"], "timeout"),
      clientId,
      minReplicas: query["min-replicas"],
      durability: query.durability,
      expectedOffset: expectedOffset(headers["if-match"]),
      idempotency: idempotencyKey(headers["idempotency-key"]),
    });
    return answer(topic, outcome, acks === "0" ? 202 : 201);
  },
});

function answer(topic: string, outcome: AppendOutcome, status: number): Answer {
  const { records, error } = outcome;
  if (error === undefined) {
    return {
      status,
      headers: { location: locationOf(topic, outcome) },
      json: tellOutcome(outcome),
    };
  }
  const { problem, headers } = toProblem(error);
  const contentType = { "content-type": "application/problem+json" };
  const told = records.length > 1 ? { ...problem, ...tellOutcome(outcome) } : problem;
  const content = JSON.stringify(told);
  return { status: problem.status, headers: { ...headers, ...contentType }, content };
}

function idempotencyKey(header: string | string[] | undefined): IdempotencyKey | undefined {
  return header === undefined ? undefined : { scope: anonymous, key: String(header) };
}

/** The offset of `If-Match: "42"`. */
function expectedOffset(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const digits = ifMatchPattern.exec(header)?.[1];
  if (digits !== undefined) return Number(digits);
  throw new XylemError("INVALID_REQUEST", 'If-Match must be one offset in quotes, as "42".');
}

export const appendRoutes: readonly Route[] = [append];
