import type { BatchTools } from "../../protocol/build-batch.ts";
import type { RecordHeader } from "../../protocol/record.ts";
import type { Broker } from "../broker.ts";

/** Everything that a door needs to read and write records. */
export interface RecordScope {
  readonly broker: Broker;
  readonly tools: BatchTools;
}

/** One record as it was read. Key, value and header values are views that are never changed. */
export interface StoredRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970; -1 when it has none. */
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/** What a record counts for against a limit of bytes: its key, value and headers. */
export function contentBytes({ key, value, headers }: StoredRecord): number {
  let sizeBytes = (key?.length ?? 0) + (value?.length ?? 0);
  for (const header of headers) sizeBytes += header.key.length + (header.value?.length ?? 0);
  return sizeBytes;
}
