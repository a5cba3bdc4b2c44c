import type { Producer } from "@platformatic/kafka";
import { withProducer } from "../kafka-clients.ts";
import type { OutgoingRecord, RecordWriter, WriterOptions } from "./record-writer.ts";

const acksNumbers = { all: -1, "1": 1, "0": 0 } as const;

/** A producer of Kafka's protocol: it talks to any Kafka broker. */
export function withKafkaWriter<T>(
  options: WriterOptions,
  use: (writer: RecordWriter) => Promise<T>,
): Promise<T> {
  return withProducer(options, (producer) => use(toWriter(producer, options)));
}

function toWriter(producer: Producer, { topic, acks, compression }: WriterOptions): RecordWriter {
  const settings = { acks: acksNumbers[acks], compression };
  return {
    async append(records) {
      const messages = records.map((record) => toMessage(topic, record));
      await producer.send({ ...settings, messages });
    },
  };
}

function toMessage(topic: string, { key, value, headers, partition }: OutgoingRecord) {
  return {
    topic,
    headers: new Map(headers.map(([name, content]) => [Buffer.from(name), toBuffer(content)])),
    ...(value !== null && { value: toBuffer(value) }),
    ...(key !== null && { key: toBuffer(key) }),
    ...(partition !== undefined && { partition }),
  };
}

/** A view of the same bytes. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
