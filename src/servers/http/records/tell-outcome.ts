import type { AppendedRecord, AppendOutcome } from "../../../broker/records/append-records.ts";

/** Who appends over HTTP, as the node's log names it. */
export const clientId = "http";

/** What became of each record, and whether all are on disk. */
export function tellOutcome({ records, isDurable }: AppendOutcome) {
  return { records: records.map(tellRecord), durable: isDurable };
}

function tellRecord({ partition, offset, timestampMs, error }: AppendedRecord) {
  const place = { partition, offset, timestamp: timestampMs };
  return error === undefined ? place : { ...place, code: error.code, detail: error.message };
}

/** Where the first record can be read. */
export function locationOf(topic: string, { records }: AppendOutcome): string {
  const { partition, offset } = records[0] as AppendedRecord;
  return `/v1/topics/${encodeURIComponent(topic)}/partitions/${partition}/records/${offset}`;
}
