import { followRecords, wantsEvents } from "../live/follow-request.ts";
import { Refusal } from "../refusal.ts";
import { type Route, route } from "../route.ts";
import { listOf, text } from "../schemas/schema.ts";

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
  summary: "Follows topics: what there is, then what comes, as server-sent events.",
  description:
    "Each record is one event, its `id` the cursor behind it; a browser that loses it " +
    "comes back with the last one (`Last-Event-ID`) and goes on there. Events named `moved` and " +
    "`ended` tell that an offset is no longer in the log, and that a topic is gone.",
  needed: { topic: topics },
  query: {
    from: text({
      description: "Where to begin unless `topic` says so: as `offset` of a read. `latest`.",
      maxLength: 64,
    }),
    cursor: text({ description: "Where an earlier stream was.", maxLength: 8_192 }),
  },
  hasFilters: true,
  headers: {
    accept: { type: "string", enum: ["text/event-stream"] },
    "last-event-id": { type: "string" },
  },
  answers: {
    200: {
      description: "Events, until one side ends them.",
      content: { "text/event-stream": { type: "string" } },
    },
  },
  problems: {
    400: "A parameter is invalid, or there are more than 256 partitions.",
    404: "There is no such topic or partition.",
    406: "text/event-stream is not accepted.",
  },
  handle: async (scope, call) => {
    if (wantsEvents(call.headers.accept)) return await followRecords(scope, call);
    throw new Refusal(406, "Several topics at once come as text/event-stream.");
  },
});

export const manyRecordsRoutes: readonly Route[] = [readMany];
