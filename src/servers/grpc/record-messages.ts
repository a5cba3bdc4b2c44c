import type { MessageInitShape } from "@bufbuild/protobuf";
import { XylemError } from "../../base/errors.ts";
import type { NodeSettings } from "../../base/settings/node-settings.ts";
import { checkHeaderCount, checkRecordCount } from "../../broker/records/append-bounds.ts";
import type { AppendOutcome, NewRecord } from "../../broker/records/append-records.ts";
import type { Position } from "../../broker/records/position.ts";
import { parsePointer } from "../../base/json/json-pointer.ts";
import { checkConditionCount, type RecordFilter } from "../../broker/records/record-filter.ts";
import type { StoredRecord } from "../../broker/records/stored-record.ts";
import { toErrorMessage } from "./errors.ts";
import type {
  AppendedRangeSchema,
  NewRecord as NewRecordMessage,
} from "./generated/xylem/v1/log_pb.ts";
import {
  type Filter,
  LogEdge,
  type Position as PositionMessage,
  type RecordSchema,
} from "./generated/xylem/v1/record_pb.ts";
import { toNumber } from "./limits.ts";

type AppendedRange = MessageInitShape<typeof AppendedRangeSchema>;

/**
 * Records to be appended. Their bytes stay views of the request. Throws RECORD_LIST_TOO_LARGE and
 * INVALID_RECORD for more records or headers than the settings allow.
 */
export function toNewRecords(
  messages: readonly NewRecordMessage[],
  settings: NodeSettings,
): NewRecord[] {
  checkRecordCount(messages.length, settings);
  return messages.map((message) => {
    checkHeaderCount(message.headers.length, settings);
    return toNewRecord(message);
  });
}

function toNewRecord(message: NewRecordMessage): NewRecord {
  const { key, value, headers, partition, timestampMs } = message;
  return {
    key: key ?? null,
    value: value ?? null,
    headers: headers.map((header) => ({ key: header.key, value: header.value ?? null })),
    partition,
    timestampMs: timestampMs === undefined ? undefined : toNumber(timestampMs, "timestamp_ms"),
  };
}

export function toRecordMessage(record: StoredRecord): MessageInitShape<typeof RecordSchema> {
  const { offset, timestampMs, key, value, headers } = record;
  return {
    offset: BigInt(offset),
    timestampMs: BigInt(timestampMs),
    ...(key !== null && { key }),
    ...(value !== null && { value }),
    headers: headers.map((header) =>
      header.value === null ? { key: header.key } : { key: header.key, value: header.value },
    ),
  };
}

/** Neighbours that got neighbouring offsets become one range. */
export function toRanges(records: AppendOutcome["records"]): AppendedRange[] {
  const ranges: (AppendedRange & { count: number; next: number })[] = [];
  for (const { partition, offset, timestampMs, error } of records) {
    const last = ranges.at(-1);
    const isNext = last?.partition === partition && last.next === offset;
    if (isNext && error === undefined) {
      last.count += 1;
      if (offset >= 0) last.next += 1;
      continue;
    }
    if (error !== undefined && last?.partition === partition && last.error?.code === error.code) {
      last.count += 1;
      continue;
    }
    ranges.push({
      partition,
      offset: BigInt(offset),
      count: 1,
      timestampMs: BigInt(timestampMs),
      ...(error && { error: toErrorMessage(error) }),
      next: error !== undefined ? Number.NaN : offset < 0 ? offset : offset + 1,
    });
  }
  return ranges;
}

/** Where a read begins; `absent` when the request does not say. */
export function toPosition(message: PositionMessage | undefined, absent: Position): Position {
  const at = message?.at;
  switch (at?.case) {
    case "offset":
      return natural(at.value, "position.offset");
    case "last":
      return { last: natural(at.value, "position.last") };
    case "timeMs":
      return { timeMs: natural(at.value, "position.time_ms") };
    case "edge":
      return at.value === LogEdge.LATEST ? "latest" : "earliest";
    case undefined:
      return absent;
  }
}

/** Undefined: every record is wanted. Throws INVALID_REQUEST. */
export function toFilter(message: Filter | undefined): RecordFilter | undefined {
  if (message === undefined) return undefined;
  const headers = Object.entries(message.headers);
  const json = Object.entries(message.json);
  checkConditionCount(headers.length + json.length);
  return {
    key: message.key,
    keyPrefix: message.keyPrefix,
    headers: headers.map(([name, value]) => ({ name, value })),
    json: json.map(([pointer, text]) => ({ tokens: parsePointer(pointer), text })),
  };
}

function natural(value: bigint, name: string): number {
  const number = toNumber(value, name);
  if (number >= 0) return number;
  throw new XylemError("INVALID_REQUEST", `${name} is negative`);
}
