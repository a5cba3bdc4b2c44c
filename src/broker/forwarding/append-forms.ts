import { catalogue } from "../../base/error-catalogue.ts";
import { DamageError, type ErrorCode, type ErrorFacts, XylemError } from "../../base/errors.ts";
import type { Read } from "../../protocol/schema/wire.ts";
import type { Durability } from "../partition/partition-log.ts";
import type { AppendOutcome, Appending, AppendRecords } from "../records/append-records.ts";
import type { PlacedRecord } from "../records/place-records.ts";
import type { RecordScope } from "../records/stored-record.ts";
import type { Topic } from "../topics/topics.ts";
import { type appendAnswer, appendCall, encode, type failure } from "./messages.ts";

/** An append as it goes to the node that leads its partitions. */
export function encodeAppend({ topic, ask, placed, fingerprint }: Appending): Uint8Array {
  const { acks, timeoutMs, clientId, minReplicas, durability, expectedOffset, idempotency } = ask;
  return encode(appendCall, {
    topic: topic.name,
    topicId: topic.id,
    records: placed.map(({ record: { key, value, headers, timestampMs = NaN }, partition }) => ({
      key,
      value,
      headers,
      partition,
      timestampMs,
    })),
    acks,
    timeoutMs,
    clientId,
    minReplicas: minReplicas ?? 0,
    durability: durability ?? "",
    expectedOffset: expectedOffset ?? NaN,
    idempotency: idempotency === undefined ? [] : [{ ...idempotency, fingerprint }],
  });
}

/** The append that another node asks for. */
export function toAppending(
  scope: RecordScope,
  topic: Topic,
  call: Read<typeof appendCall>,
): Appending {
  const nowMs = scope.broker.clock.nowMs();
  const placed = call.records.map(({ timestampMs, ...record }): PlacedRecord => {
    const ownMs = orNone(timestampMs);
    const { partition } = record;
    return { record: { ...record, timestampMs: ownMs }, partition, timestampMs: ownMs ?? nowMs };
  });
  const { timeoutMs, clientId, expectedOffset, minReplicas, durability } = call;
  const [idempotency] = call.idempotency;
  const ask: AppendRecords = {
    topic: topic.name,
    records: placed.map(({ record }) => record),
    acks: call.acks as AppendRecords["acks"],
    timeoutMs,
    clientId,
    minReplicas: minReplicas === 0 ? undefined : minReplicas,
    durability: durability === "" ? undefined : (durability as Durability),
    expectedOffset: orNone(expectedOffset),
    idempotency,
  };
  return { scope, topic, ask, placed, nowMs, fingerprint: idempotency?.fingerprint ?? "" };
}

function orNone(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value;
}

type Failure = Read<typeof failure>;

/** Records of one partition share their error: each is written once. */
export function tellOutcome(outcome: AppendOutcome): Read<typeof appendAnswer> {
  const errors: XylemError[] = [];
  const indexOf = (error: XylemError | undefined): number => {
    if (error === undefined) return -1;
    const index = errors.indexOf(error);
    return index < 0 ? errors.push(error) - 1 : index;
  };
  const records = outcome.records.map((record) => ({ ...record, error: indexOf(record.error) }));
  const { isDurable, isDuplicate } = outcome;
  const error = indexOf(outcome.error);
  return { records, isDurable, isDuplicate, error, errors: errors.map(tellFailure) };
}

export function toOutcome(answer: Read<typeof appendAnswer>): AppendOutcome {
  const errors = answer.errors.map(toError);
  const withError = (index: number): { error?: XylemError } => {
    const error = errors[index];
    return error === undefined ? {} : { error };
  };
  const records = answer.records.map(({ error, ...record }) => ({
    ...record,
    ...withError(error),
  }));
  const { isDurable, isDuplicate } = answer;
  return { records, isDurable, isDuplicate, ...withError(answer.error) };
}

export function tellFailure({ code, message, facts }: XylemError): Failure {
  return { code, detail: message, facts: facts === undefined ? "" : JSON.stringify(facts) };
}

/** A newer node may know more errors than this one. */
export function toError({ code, detail, facts }: Failure): XylemError {
  if (!Object.hasOwn(catalogue, code)) {
    return new XylemError("UNKNOWN_SERVER_ERROR", `${code}: ${detail}`);
  }
  const more = facts === "" ? {} : { facts: JSON.parse(facts) as ErrorFacts };
  // What nodes hand on are records: the batch that is corrupt lay in the other's store.
  const Told = code === "CORRUPT_MESSAGE" ? DamageError : XylemError;
  return new Told(code as ErrorCode, detail, more);
}
