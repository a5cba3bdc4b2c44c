import { MalformedError } from "../../base/errors.ts";
import type { Read } from "../../protocol/schema/wire.ts";
import type { Position } from "../records/position.ts";
import type { Page, ReadPage } from "../records/read-page.ts";
import type { RecordFilter } from "../records/record-filter.ts";
import type { StoredRecord } from "../records/stored-record.ts";
import type { Topic } from "../topics/topics.ts";
import { encode, type latestAnswer, type readAnswer, readCall } from "./messages.ts";

/** A read as it goes to the node that leads its partition. */
export function encodeRead(topic: Topic, ask: ReadPage, waitId: number): Uint8Array {
  const { partition, position, limit, maxBytes, waitMs, filter, reset } = ask;
  return encode(readCall, {
    topic: topic.name,
    topicId: topic.id,
    partition,
    ...tellPosition(position),
    limit,
    maxBytes,
    waitMs,
    waitId,
    reset: reset ?? "",
    filter: filter === undefined ? [] : [tellFilter(filter)],
  });
}

/** The read that another node asks for. */
export function toReadPage(call: Read<typeof readCall>): ReadPage {
  const { topic, partition, limit, maxBytes, waitMs, reset } = call;
  const [filter] = call.filter;
  return {
    topic,
    partition,
    position: toPosition(call),
    limit,
    maxBytes,
    waitMs,
    reset: reset === "" ? undefined : (reset as ReadPage["reset"]),
    filter: filter && {
      ...filter,
      key: filter.key ?? undefined,
      keyPrefix: filter.keyPrefix ?? undefined,
    },
  };
}

function tellFilter({ key, keyPrefix, headers, json }: RecordFilter) {
  return { key: key ?? null, keyPrefix: keyPrefix ?? null, headers, json };
}

interface ToldPosition {
  readonly positionKind: string;
  readonly positionValue: number;
}

export function tellPosition(position: Position): ToldPosition {
  if (typeof position === "number") return { positionKind: "offset", positionValue: position };
  if (typeof position === "string") return { positionKind: position, positionValue: 0 };
  if ("last" in position) return { positionKind: "last", positionValue: position.last };
  return { positionKind: "time", positionValue: position.timeMs };
}

export function toPosition({ positionKind: kind, positionValue: value }: ToldPosition): Position {
  if (kind === "offset") return value;
  if (kind === "earliest" || kind === "latest") return kind;
  if (kind === "last") return { last: value };
  if (kind === "time") return { timeMs: value };
  throw new MalformedError(`${kind} is no kind of position`);
}

export function toPage(
  { name }: Topic,
  partition: number,
  { records, ...bounds }: Read<typeof readAnswer>,
): Page {
  return { ...bounds, records: toRecords(name, partition, records) };
}

export function toRecords(
  topic: string,
  partition: number,
  records: Read<typeof latestAnswer>["records"],
): readonly StoredRecord[] {
  return records.map((record) => ({ ...record, topic, partition }));
}
