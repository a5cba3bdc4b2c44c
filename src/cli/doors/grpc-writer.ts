import { CommandFailure } from "../exit-codes.ts";
import { Acks, LogService } from "../../servers/grpc/generated/xylem/v1/log_pb.ts";
import { GrpcConnection } from "./grpc-connection.ts";
import type { OutgoingRecord, RecordWriter, WriterOptions } from "./record-writer.ts";

const acksOf = { all: Acks.ALL, "1": Acks.LEADER, "0": Acks.NONE } as const;

/** Appends by unary calls over one HTTP/2 connection. */
export async function withGrpcWriter<T>(
  options: WriterOptions,
  use: (writer: RecordWriter) => Promise<T>,
): Promise<T> {
  const connection = new GrpcConnection(options);
  const log = connection.client(LogService);
  const { topic, minReplicas = 0 } = options;
  const acks = acksOf[options.acks];
  try {
    return await use({
      async append(records) {
        const append = { topic, acks, minReplicas, records: records.map(toMessage) };
        const { ranges } = await log.append(append);
        const refused = ranges.find(({ error }) => error !== undefined)?.error;
        if (refused) throw new CommandFailure(`${refused.message} (${refused.code})`);
      },
    });
  } catch (error) {
    throw connection.explain(error);
  } finally {
    connection.close();
  }
}

function toMessage({ key, value, headers, partition }: OutgoingRecord) {
  return {
    ...(key !== null && { key: whole(key) }),
    ...(value !== null && { value: whole(value) }),
    headers: headers.map(([name, content]) => ({ key: name, value: whole(content) })),
    ...(partition !== undefined && { partition }),
  };
}

/** Protocol buffers take no views of shared memory. */
function whole(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
