import { toListed } from "./listed-record.ts";
import type { RecordWriter, WriterOptions } from "./record-writer.ts";
import { SocketConnection } from "./socket-connection.ts";

/** Appends over a WebSocket. */
export async function withSocketWriter<T>(
  options: WriterOptions,
  use: (writer: RecordWriter) => Promise<T>,
): Promise<T> {
  const { topic, acks, minReplicas } = options;
  const connection = await SocketConnection.open(options);
  try {
    return await use({
      async append(records) {
        const append = { type: "append", topic, acks, minReplicas } as const;
        await connection.call({ ...append, records: records.map(toListed) });
      },
    });
  } finally {
    connection.close();
  }
}
