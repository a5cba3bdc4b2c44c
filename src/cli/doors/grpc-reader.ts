import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Position, parsePosition } from "../../broker/records/position.ts";
import { AdminService } from "../../servers/grpc/generated/xylem/v1/admin_pb.ts";
import { LogService, Reset } from "../../servers/grpc/generated/xylem/v1/log_pb.ts";
import {
  type FilterSchema,
  LogEdge,
  type PositionSchema,
  type Record as RecordMessage,
} from "../../servers/grpc/generated/xylem/v1/record_pb.ts";
import type { ShownRecord } from "../record-format.ts";
import { GrpcConnection } from "./grpc-connection.ts";
import { type PageSource, readPages } from "./paged-reader.ts";
import type { ReadingOptions } from "./record-reader.ts";

/** Reads by unary calls, each a page; at the end a call waits for the next record. */
export async function* readOverGrpc(
  options: ReadingOptions,
  signal: AbortSignal,
): AsyncGenerator<ShownRecord> {
  const connection = new GrpcConnection(options);
  try {
    yield* readPages(grpcPages(connection, options), options, signal);
  } catch (error) {
    throw connection.explain(error);
  } finally {
    connection.close();
  }
}

function grpcPages(connection: GrpcConnection, options: ReadingOptions): PageSource {
  const { topic } = options;
  const log = connection.client(LogService);
  const admin = connection.client(AdminService);
  const filter = toFilter(options.filter);
  return {
    async describe() {
      const { topic: described } = await admin.getTopic({ name: topic });
      const partitions = described?.partitions ?? [];
      return partitions.map(({ partition, logStart, lastStable }) => ({
        partition,
        start: Number(logStart),
        end: Number(lastStable),
      }));
    },
    async readPage({ partition, position: text, waitMs }, signal) {
      const position = toPosition(parsePosition(text));
      const asked = { topic, partition, position, waitMs, reset: Reset.EARLIEST, filter };
      const { records, nextOffset } = await log.read(asked, { signal });
      const shown = records.map((record) => toShown(record, topic, partition));
      return { records: shown, nextOffset: Number(nextOffset) };
    },
  };
}

function toPosition(position: Position): MessageInitShape<typeof PositionSchema> {
  if (typeof position === "number") return { at: { case: "offset", value: BigInt(position) } };
  if (position === "earliest") return { at: { case: "edge", value: LogEdge.EARLIEST } };
  if (position === "latest") return { at: { case: "edge", value: LogEdge.LATEST } };
  if ("last" in position) return { at: { case: "last", value: BigInt(position.last) } };
  return { at: { case: "timeMs", value: BigInt(position.timeMs) } };
}

function toFilter(conditions: ReadingOptions["filter"]): MessageInitShape<typeof FilterSchema> {
  const under = (prefix: string): [string, string][] =>
    conditions
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]);
  const valueOf = (wanted: string): Uint8Array<ArrayBuffer> | undefined => {
    const found = conditions.find(([name]) => name === wanted);
    return found && bytesOf(found[1]);
  };
  const key = valueOf("key");
  const keyPrefix = valueOf("key-prefix");
  const headers = under("header.").map(([name, value]) => [name, bytesOf(value)] as const);
  return {
    ...(key && { key }),
    ...(keyPrefix && { keyPrefix }),
    headers: Object.fromEntries(headers),
    json: Object.fromEntries(under("json.")),
  };
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

function toShown(record: RecordMessage, topic: string, partition: number): ShownRecord {
  const { offset, timestampMs, key = null, value = null, headers } = record;
  return {
    topic,
    partition,
    offset,
    timestampMs,
    key,
    value,
    headers: headers.map((header) => [header.key, header.value ?? null] as const),
  };
}
