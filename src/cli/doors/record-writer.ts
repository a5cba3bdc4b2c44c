import type { BrokerOptions } from "../kafka-clients.ts";
import type { Acks, Codec, WriteDoor } from "./door.ts";

/** A record to append. */
export interface OutgoingRecord {
  readonly key: Uint8Array | null;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[];
  /** Absent: the key's, or the door's turn. */
  readonly partition?: number | undefined;
}

/** Appends to one topic over one connection. */
export interface RecordWriter {
  /** Resolves once the broker has answered; rejects when it has refused. */
  append(records: readonly OutgoingRecord[]): Promise<void>;
}

export interface WriterOptions extends BrokerOptions {
  readonly topic: string;
  readonly acks: Acks;
  /** Not over Kafka's door: how many replicas have what is answered for. */
  readonly minReplicas?: number;
  /** Of the batches, over Kafka's door; the other doors leave it to the topic. */
  readonly compression: Codec;
}

type WithWriter = <T>(
  options: WriterOptions,
  use: (writer: RecordWriter) => Promise<T>,
) => Promise<T>;

/** Opens a writer, and closes it when `use` is done. Failures are CommandFailures. */
export async function withWriter<T>(
  door: WriteDoor,
  options: WriterOptions,
  use: (writer: RecordWriter) => Promise<T>,
): Promise<T> {
  return await (
    await writers[door]()
  )(options, use);
}

const writers: Readonly<Record<WriteDoor, () => Promise<WithWriter>>> = {
  kafka: async () => (await import("./kafka-writer.ts")).withKafkaWriter,
  http: async () => (await import("./http-writer.ts")).withHttpWriter,
  ws: async () => (await import("./socket-writer.ts")).withSocketWriter,
  grpc: async () => (await import("./grpc-writer.ts")).withGrpcWriter,
};
