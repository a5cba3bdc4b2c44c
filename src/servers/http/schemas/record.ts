import {
  anyOf,
  flag,
  integer,
  listOf,
  mapOf,
  object,
  oneOf,
  orNull,
  type Schema,
  text,
  type ValueOf,
} from "./schema.ts";
import { partitionIndex, topicName } from "./topic.ts";

const encoding = oneOf(["json", "text", "base64"], {
  description: "What `value` is: JSON, the value's text, or its bytes in base64.",
});
const keyEncoding = oneOf(["text", "base64"], { description: "What `key` is." });

/** A header's value: text, bytes, or none. */
export type HeaderText = string | null | { readonly base64: string };

const headerText = anyOf([
  text(),
  { type: "null" },
  object({ base64: text() }),
]) as Schema<HeaderText>;

const headers = mapOf(anyOf([headerText, listOf(headerText)]), {
  description: "By name; a name that comes again has a list. Values that are no text: `base64`.",
}) as Schema<Readonly<Record<string, HeaderText | readonly HeaderText[]>>>;

const anyJson: Schema<unknown> = { description: "Any JSON; text where `encoding` says so." };

const listedRecord = object(
  {},
  {
    key: orNull(text({ description: "Chooses the partition as Kafka's clients do." })),
    keyEncoding,
    value: anyJson,
    encoding,
    headers,
    partition: partitionIndex,
    timestamp: integer({ description: "Milliseconds since 1970; absent: now.", minimum: 0 }),
  },
);
export type ListedRecord = ValueOf<typeof listedRecord>;

export const newRecordList = object({
  records: listOf(listedRecord, { minItems: 1 }),
});

export const record = object({
  topic: topicName,
  partition: partitionIndex,
  offset: integer(),
  timestamp: integer({ description: "Milliseconds since 1970; -1: it has none." }),
  key: orNull(text()),
  keyEncoding,
  headers,
  encoding,
  value: anyJson,
});

const appendedRecord = object(
  { partition: partitionIndex, offset: integer(), timestamp: integer() },
  { code: text({ description: "Why it was not appended (docs/errors.md)." }), detail: text() },
);

const outcome = {
  records: listOf(appendedRecord, { description: "In the order in which they came." }),
  durable: flag({ description: "Whether all are on disk, not only in memory." }),
};

export const appended = object(outcome);

export const patched = object({ ...outcome, document: anyJson });

export const recordPage = object({
  records: listOf(record),
  nextOffset: integer({ description: "Where the next read goes on." }),
  highWatermark: integer(),
  lastStable: integer(),
  logStart: integer(),
  wasReset: flag({ description: "The position was not in the log, `reset` counted." }),
});

const place = { topic: topicName, partition: partitionIndex };

export const manyPage = object({
  records: listOf(record),
  cursor: text({ description: "Where the next page begins." }),
  moved: listOf(object({ ...place, from: integer(), to: integer() }), {
    description: "Offsets that are no longer in the log, and where the reading went on.",
  }),
  ended: listOf(
    object({ topic: topicName, code: text(), detail: text() }, { partition: partitionIndex }),
    { description: "What gives no more." },
  ),
});
