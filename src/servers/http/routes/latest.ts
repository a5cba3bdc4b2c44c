import { encodeUtf8 } from "../../../base/text.ts";
import { latestByKey } from "../../../broker/records/latest-by-key.ts";
import { patchLatest } from "../../../broker/records/patch-latest.ts";
import { answerRecord } from "../records/answer-record.ts";
import { clientId, locationOf, tellOutcome } from "../records/tell-outcome.ts";
import { mediaTypeOf } from "../media-type.ts";
import { Refusal } from "../refusal.ts";
import { answersJson, type Route, route } from "../route.ts";
import { parseTimeSpan, timeSpan } from "../schemas/query.ts";
import { patched } from "../schemas/record.ts";
import { text } from "../schemas/schema.ts";
import { partitionIndex, topicName } from "../schemas/topic.ts";

const patchType = "application/json-patch+json";
const key = text({ description: "The record's key.", maxLength: 65_536 });

const readLatest = route({
  method: "GET",
  path: "/v1/topics/{topic}/latest",
  tag: "Records",
  summary: "Reads the newest record of a key: its value, as it was appended.",
  params: { topic: topicName },
  needed: { key },
  query: {
    partition: partitionIndex,
    download: text({ description: "Has a browser save it under this name.", maxLength: 255 }),
  },
  answers: {
    200: {
      description: "The value, with the Content-Type that it was appended with.",
      content: { "application/octet-stream": { type: "string" } },
      headers: { "xylem-partition": "Where it is.", "xylem-offset": "Where it is." },
    },
  },
  problems: {
    404: "The key has no record, or its newest is a tombstone (`tombstone`).",
    422: "log.search.max.bytes were searched in vain.",
    503: "Too many answers wait for their clients.",
  },
  handle: async ({ broker, tools }, { params: { topic }, query }) => {
    const where = { topic, key: encodeUtf8(query.key), partition: query.partition };
    const record = await latestByKey(broker, tools, where);
    if (record === undefined) {
      throw new Refusal(404, `${topic} has no record of this key.`, {
        code: "RESOURCE_NOT_FOUND",
        facts: { tombstone: false },
      });
    }
    if (record.value !== null) return answerRecord(record, query.download);
    const { partition, offset } = record;
    throw new Refusal(404, `The newest record of this key is a tombstone.`, {
      code: "RESOURCE_NOT_FOUND",
      facts: { tombstone: true, partition, offset },
    });
  },
});

const patch = route({
  method: "PATCH",
  path: "/v1/topics/{topic}/records/latest",
  tag: "Records",
  summary: "Patches the newest document (RFC 6902): the patched one is appended.",
  description: "The patch itself is appended to the topic `<topic>-patches`.",
  params: { topic: topicName },
  query: {
    key,
    partition: partitionIndex,
    timeout: timeSpan("How long the answer may take."),
  },
  body: {
    description: "A JSON Patch.",
    bytes: { [patchType]: { type: "array", items: { type: "object" } } },
  },
  answers: {
    201: { ...answersJson("Appended.", patched), headers: { location: "The new record." } },
  },
  problems: {
    404: "There is no such topic, or no document.",
    409: "The patch does not fit the document, or others were faster.",
    415: `The body is not ${patchType}.`,
    422: "The newest record is no JSON.",
  },
  handle: async ({ broker, tools }, { params: { topic }, query, body, headers }) => {
    const type = mediaTypeOf(headers["content-type"]);
    if (type !== patchType) {
      throw new Refusal(415, `The body must be ${patchType}, not ${type ?? "untold"}.`);
    }
    const { appended, document } = await patchLatest(broker, tools, {
      topic,
      key: query.key === undefined ? undefined : encodeUtf8(query.key),
      partition: query.partition,
      patch: body as unknown as Uint8Array,
      timeoutMs: parseTimeSpan(query.timeout, broker.settings["append.timeout.ms"], "timeout"),
      clientId,
    });
    const location = locationOf(topic, appended);
    return { status: 201, headers: { location }, json: { ...tellOutcome(appended), document } };
  },
});

export const latestRoutes: readonly Route[] = [readLatest, patch];
