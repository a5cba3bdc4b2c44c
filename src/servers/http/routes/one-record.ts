import { XylemError } from "../../../base/errors.ts";
import { type Page, readPage } from "../../../broker/records/read-page.ts";
import type { StoredRecord } from "../../../broker/records/stored-record.ts";
import { attachment } from "../records/content-disposition.ts";
import { contentTypeHeader, findHeader } from "../records/format-record.ts";
import { Refusal } from "../refusal.ts";
import { type Answer, type HttpScope, type Route, route } from "../route.ts";
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
  },
  handle: async (scope, { params, query }) =>
    answerRecord(await readOne(scope, params), query.download),
});

interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

async function readOne(
  { broker, tools }: HttpScope,
  { topic, partition, offset }: Place,
): Promise<StoredRecord> {
  const where = { topic, partition, position: offset, limit: 1, maxBytes: 1, waitMs: 0 };
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
  const { logStart, highWatermark } = page;
  throw new Refusal(404, `${topic}-${partition} has no record at ${offset}.`, {
    code: "OFFSET_OUT_OF_RANGE",
    facts: { logStart, highWatermark },
  });
}

/** Types that a browser shows without running anything of them. */
const shownTypes =
  /^(text\/(plain|csv)|application\/json|image\/(png|jpeg|gif|webp)|(audio|video)\/)/;
/** A media type with parameters (RFC 9110, 8.3.1), printable and short. */
const mediaType = /^[\w.+-]{1,64}\/[\w.+-]{1,64}(\s*;[\x20-\x7e]{0,120})?$/;

/**
 * A record's value by itself. Whatever it is, no browser runs it as a page of this node: the
 * sandbox has no scripts and an origin of its own, and what could have scripts is saved to a file.
 */
export function answerRecord(record: StoredRecord, download: string | undefined): Answer {
  const { topic, partition, offset, timestampMs, value, headers } = record;
  const told = findHeader(headers, contentTypeHeader) ?? "";
  const type = mediaType.test(told) ? told : "application/octet-stream";
  const shown: Record<string, string> = {
    "xylem-partition": String(partition),
    "xylem-offset": String(offset),
    "xylem-timestamp": String(timestampMs),
    "content-security-policy": "sandbox; default-src 'none'",
    "cross-origin-resource-policy": "same-origin",
  };
  if (value === null) return { status: 204, headers: shown };
  const isShown = shownTypes.test(type.toLowerCase());
  if (download !== undefined || !isShown) {
    shown["content-disposition"] = attachment(download ?? `${topic}-${partition}-${offset}`);
  }
  return { status: 200, headers: { ...shown, "content-type": type }, content: value };
}

export const oneRecordRoutes: readonly Route[] = [one];
