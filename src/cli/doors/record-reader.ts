import type { ReadDoor } from "./door.ts";
import type { BrokerOptions } from "../kafka-clients.ts";
import type { ShownRecord } from "../record-format.ts";

/** What to read of a topic, and how far. */
export interface ReadingOptions extends BrokerOptions {
  readonly topic: string;
  /** One partition only. */
  readonly partition?: number | undefined;
  /** `earliest`, `latest`, an offset, `-N` for the last N, or `@` and a time. */
  readonly from: string;
  /** Waits for new records instead of ending with those that are there at the start. */
  readonly isLive: boolean;
  /** Reads as a member of this group, which keeps how far it has come. */
  readonly group?: string | undefined;
  /** Conditions that all hold for the records wanted, as HTTP's: `key`, `header.NAME`, … */
  readonly filter: readonly (readonly [name: string, value: string])[];
}

/**
 * The records of a topic, in order within each partition. With a group, a record counts as done
 * when the next one is asked for. Ends when `signal` says so. Throws CommandFailure.
 */
export type ReadRecords = (
  options: ReadingOptions,
  signal: AbortSignal,
) => AsyncGenerator<ShownRecord>;

/** Reads through a door. */
export async function* readThrough(
  door: ReadDoor,
  options: ReadingOptions,
  signal: AbortSignal,
): AsyncGenerator<ShownRecord> {
  yield* (await readers[door]())(options, signal);
}

const readers: Readonly<Record<ReadDoor, () => Promise<ReadRecords>>> = {
  kafka: async () => (await import("./kafka-reader.ts")).readOverKafka,
  http: async () => (await import("./http-reader.ts")).readOverHttp,
  sse: async () => (await import("./sse-reader.ts")).readOverEvents,
  ws: async () => (await import("./socket-reader.ts")).readOverSocket,
  grpc: async () => (await import("./grpc-reader.ts")).readOverGrpc,
};
