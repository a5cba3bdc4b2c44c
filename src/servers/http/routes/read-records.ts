import { parseDuration } from "../../../base/duration.ts";
import { parsePosition } from "../../../broker/records/position.ts";
import { parseRecordFilter } from "../../../broker/records/record-filter.ts";
import { type Page, type ReadPage, readPage } from "../../../broker/records/read-page.ts";
import { readLimits } from "../../../broker/records/read-limits.ts";
import { attachment } from "../records/content-disposition.ts";
import { choosePageFormat } from "../records/page-format.ts";
import { type Call, type HttpScope, type Route, route } from "../route.ts";
import { timeSpan } from "../schemas/query.ts";
import { recordPage, record as recordSchema } from "../schemas/record.ts";
import { integer, oneOf, text } from "../schemas/schema.ts";
import { partitionIndex, topicName } from "../schemas/topic.ts";

export const readQuery = {
  limit: integer({ description: "The most records; 100 when absent.", minimum: 1 }),
  "max-bytes": integer({
    description: "The most bytes of keys, values and headers; the first record comes whole.",
    minimum: 1,
  }),
  wait: timeSpan("How long to wait for a record while there is none."),
  download: text({ description: "Has a browser save the answer under this name.", maxLength: 255 }),
};

export const pageContent = {
  "application/json": recordPage,
  "application/x-ndjson": recordSchema,
  "text/plain": { type: "string", description: "Values, a line feed behind each." },
  "application/octet-stream": {
    type: "string",
    description: "Values, each behind its size in 4 bytes, big-endian; -1 is a tombstone.",
  },
} as const;

const read = route({
  method: "GET",
  path: "/v1/topics/{topic}/partitions/{partition}/records",
  tag: "Records",
  summary: "Reads records of one partition from a position on.",
  description: "Of committed transactions only. Filters: all that are given must hold.",
  params: { topic: topicName, partition: partitionIndex },
  query: {
    offset: text({
      description:
        "Where to begin: an offset, `earliest`, `latest`, `-N` for the last N, or `@` and a time " +
        "(`@2026-01-01T00:00:00Z`, or milliseconds). Absent: `earliest`.",
      maxLength: 64,
    }),
    ...readQuery,
    reset: oneOf(["earliest", "latest"], {
      description: "Where to begin when the position is not in the log; absent: that is 416.",
    }),
  },
  hasFilters: true,
  headers: { accept: { type: "string" } },
  answers: {
    200: {
      description: "What there is, and where to go on.",
      content: pageContent,
      headers: {
        "xylem-next-offset": "Where the next read goes on.",
        "xylem-high-watermark": "The partition's high watermark.",
        "xylem-log-start": "The first offset there is.",
      },
    },
  },
  problems: {
    400: "A parameter is invalid.",
    404: "There is no such topic or partition.",
    406: "None of the accepted media types is served.",
    503: "Too many answers wait for their clients, or too many readers for records.",
    416: "The position is not in the log: `logStart` and `highWatermark`.",
  },
  handle: async (scope, call) => {
    const { params, query, headers } = call;
    const format = choosePageFormat(headers.accept);
    const page = await readPage(scope.broker, scope.tools, {
      ...params,
      position: parsePosition(query.offset ?? "earliest"),
      ...queriedLimits(scope, call),
      reset: query.reset,
    });
    const { nextOffset, highWatermark, logStart } = page;
    return {
      status: 200,
      headers: {
        "content-type": format.mediaType,
        "xylem-next-offset": String(nextOffset),
        "xylem-high-watermark": String(highWatermark),
        "xylem-log-start": String(logStart),
        ...savedAs(query.download),
      },
      content: format.format(page.records, fieldsOf(page)),
      holds: "page",
    };
  },
});

type Limited = Pick<ReadPage, "limit" | "maxBytes" | "waitMs" | "filter" | "signal" | "room">;
type LimitQuery = {
  readonly limit?: number;
  readonly "max-bytes"?: number;
  readonly wait?: string;
};

/** What a read's query asks for, within the bounds. Throws INVALID_REQUEST. */
export function queriedLimits(
  { broker: { settings } }: HttpScope,
  call: Pick<Call<unknown, LimitQuery>, "query" | "filters" | "signal" | "room">,
): Limited {
  const { limit, "max-bytes": maxBytes, wait } = call.query;
  const waitMs = wait === undefined ? 0 : parseDuration(wait);
  const limits = readLimits(settings, { limit, maxBytes, waitMs });
  return {
    ...limits,
    filter: parseRecordFilter(call.filters),
    signal: waitMs > 0 ? call.signal : undefined,
    room: call.room,
  };
}

/** The header that has a browser save the answer, if that was asked for. */
export function savedAs(name: string | undefined): Readonly<Record<string, string>> {
  return name === undefined ? {} : { "content-disposition": attachment(name) };
}

function fieldsOf({ nextOffset, highWatermark, lastStable, logStart, wasReset }: Page): string {
  const fields = { nextOffset, highWatermark, lastStable, logStart, wasReset };
  return JSON.stringify(fields).slice(1, -1);
}

export const readRoutes: readonly Route[] = [read];
