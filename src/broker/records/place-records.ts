import { XylemError } from "../../base/errors.ts";
import { partitionOfKey } from "../../base/murmur2.ts";
import { encodeUtf8 } from "../../base/text.ts";
import type { Broker } from "../broker.ts";
import type { Topic } from "../topics/topics.ts";
import type { AppendRecords, NewRecord } from "./append-records.ts";
import { keyId } from "./idempotency/append-note.ts";

/** A record with all that its door left to the broker. */
export interface PlacedRecord {
  readonly record: NewRecord;
  readonly partition: number;
  readonly timestampMs: number;
}

export function placeRecords(
  { records: { keylessTurns } }: Broker,
  topic: Topic,
  { ask, nowMs }: { readonly ask: AppendRecords; readonly nowMs: number },
): readonly PlacedRecord[] {
  const count = topic.partitions.length;
  let keyless: number | undefined;
  return ask.records.map((record) => {
    const { key, timestampMs = nowMs } = record;
    if (record.partition !== undefined) return { record, partition: record.partition, timestampMs };
    if (key !== null) return { record, partition: partitionOfKey(key, count), timestampMs };
    // Sent again it goes where it went the first time.
    keyless ??=
      ask.idempotency === undefined
        ? keylessTurns.next(topic)
        : partitionOfKey(encodeUtf8(keyId(ask.idempotency, topic.id)), count);
    return { record, partition: keyless, timestampMs };
  });
}

/** A record that takes turns could go anywhere: nobody can know the next offset there. */
export function checkExpectation(
  { expectedOffset }: AppendRecords,
  topic: Topic,
  placed: readonly PlacedRecord[],
): void {
  if (expectedOffset === undefined) return;
  const isSame = placed.every(({ partition }) => partition === placed[0]?.partition);
  const isChosen = placed.every(
    ({ record }) => record.partition !== undefined || record.key !== null,
  );
  if (isSame && (isChosen || topic.partitions.length === 1)) return;
  const detail = "an expected offset needs a partition, or a key, that all records share";
  throw new XylemError("INVALID_REQUEST", detail);
}
