import type { AnswerRoom } from "../../../broker/records/answer-room.ts";
import { XylemError } from "../../../base/errors.ts";
import { type Page, readPage } from "../../../broker/records/read-page.ts";
import type { StoredRecord } from "../../../broker/records/stored-record.ts";
import { answerRecord } from "../records/answer-record.ts";
import { Refusal } from "../refusal.ts";
import { type HttpScope, type Route, route } from "../route.ts";
import { integer, text } from "../schemas/schema.ts";
import { partitionIndex, topicName } from "../schemas/topic.ts";

const one = route({
  method: "GET",
  path: "/v1/topics/{topic}/partitions/{partition}/records/{offset}",
  tag: "Records",
  summary: "Reads the value of one record, as it was appended.",
  params: { topic: topicName, partition: partitionIndex, offset: integer({ minimum: 0 }) },
  query: {
    download: text({ description: "Has a browser save it under this name.", maxLength: 255 }),
  },
  answers: {
    200: {
      description: "The value, with the Content-Type that it was appended with.",
      content: { "application/octet-stream": { type: "string" } },
      headers: { "xylem-timestamp": "Milliseconds since 1970." },
    },
    204: { description: "The record is a tombstone." },
  },
  problems: {
    400: "The offset is none.",
    404: "No record has this offset, or there is no such partition.",
    503: "Too many answers wait for their clients.",
  },
  handle: async (scope, { params, query, room }) =>
    answerRecord(await readOne(scope, { ...params, room }), query.download),
});

interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly room: AnswerRoom;
}

async function readOne(
  { broker, tools }: HttpScope,
  { topic, partition, offset, room }: Place,
): Promise<StoredRecord> {
  const where = { topic, partition, position: offset, limit: 1, maxBytes: 1, waitMs: 0, room };
  let page: Page;
  try {
    page = await readPage(broker, tools, where);
  } catch (error) {
    if (!(error instanceof XylemError) || error.code !== "OFFSET_OUT_OF_RANGE") throw error;
    const { code, facts, message } = error;
    throw new Refusal(404, message, { code, ...(facts && { facts }) });
  }
  const [record] = page.records;
  if (record?.offset === offset) return record;
  const { logStart, highWatermark, isLatestKnown } = page;
  if (!isLatestKnown && offset >= highWatermark) {
    const detail = `the new head of ${topic}-${partition} does not know yet what is committed`;
    throw new XylemError("OFFSET_NOT_AVAILABLE", detail);
  }
  throw new Refusal(404, `${topic}-${partition} has no record at ${offset}.`, {
    code: "OFFSET_OUT_OF_RANGE",
    facts: { logStart, highWatermark },
  });
}

export const oneRecordRoutes: readonly Route[] = [one];
