import { formatCursor } from "../../../broker/follow/cursor.ts";
import { readFollowed } from "../../../broker/follow/read-followed.ts";
import { followRecords, openRequested, wantsEvents } from "../live/follow-request.ts";
import { choosePageFormat } from "../records/page-format.ts";
import { type Route, route } from "../route.ts";
import { manyPage } from "../schemas/record.ts";
import { listOf, text } from "../schemas/schema.ts";
import { pageContent, queriedLimits, readQuery, savedAs } from "./read-records.ts";

const topics = listOf(text({ maxLength: 400 }), {
  description:
    "A topic (`orders`), one of its partitions (`orders:0`), either with where to begin " +
    "(`orders:0:42`, `orders::-5`). Given as often as there are topics.",
  minItems: 1,
  maxItems: 256,
});

const readMany = route({
  method: "GET",
  path: "/v1/records",
  tag: "Records",
  summary: "Reads topics side by side: a page, or what comes, as server-sent events.",
  description:
    "A page says where it ends by its `cursor`, which the next call takes. " +
    "With `Accept: text/event-stream` each record is one event, its `id` the cursor behind it; a " +
    "browser that loses it comes back with the last one (`Last-Event-ID`) and goes on there. " +
    "Events named `moved` and `ended` tell that an offset is no longer in the log, and that a " +
    "topic is gone.",
  needed: { topic: topics },
  query: {
    from: text({
      description:
        "Where to begin unless `topic` says so: as `offset` of a read. Absent: `earliest`, of " +
        "events `latest`.",
      maxLength: 64,
    }),
    cursor: text({ description: "Where an earlier page or stream was.", maxLength: 8_192 }),
    ...readQuery,
  },
  hasFilters: true,
  headers: { accept: { type: "string" }, "last-event-id": { type: "string" } },
  answers: {
    200: {
      description: "What there is, and where to go on; or events, until one side ends them.",
      content: {
        ...pageContent,
        "application/json": manyPage,
        "text/event-stream": { type: "string" },
      },
      headers: { "xylem-cursor": "Where the next page begins." },
    },
  },
  problems: {
    400: "A parameter is invalid, or there are more than 256 partitions.",
    404: "There is no such topic or partition.",
    503: "Too many answers wait for their clients, or too many readers for records.",
    406: "None of the accepted media types is served.",
  },
  handle: async (scope, call) => {
    const { query, headers } = call;
    if (wantsEvents(headers.accept)) return await followRecords(scope, call);
    const format = choosePageFormat(headers.accept);
    const limits = queriedLimits(scope, call);
    const following = await openRequested(scope, call, "earliest");
    try {
      const page = await readFollowed(following, scope.broker.clock, limits);
      const cursor = formatCursor(following.cursor());
      const ended = page.ended.map(({ topic, partition, error }) => ({
        topic,
        ...(partition !== undefined && { partition }),
        code: error.code,
        detail: error.message,
      }));
      const fields = JSON.stringify({ cursor, moved: page.moved, ended }).slice(1, -1);
      return {
        status: 200,
        headers: {
          "content-type": format.mediaType,
          "xylem-cursor": cursor,
          ...savedAs(query.download),
        },
        content: format.format(page.records, fields),
        holds: "page",
      };
    } finally {
      following.close();
    }
  },
});

export const manyRecordsRoutes: readonly Route[] = [readMany];
