import type { Consumer } from "@platformatic/kafka";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import { explainFailure, isUnreadable, readWithConsumer } from "../kafka-clients.ts";
import type { ShownRecord } from "../record-format.ts";
import type { ReadingOptions } from "./record-reader.ts";

/** Without --follow a member ends when nothing came for this long. */
const idleMsMax = 3_000;

/** Reads as a member of a group of the classic protocol, and commits what was taken. */
export function readAsMember(
  options: ReadingOptions,
  signal: AbortSignal,
): AsyncGenerator<ShownRecord> {
  return readWithConsumer(options, (consumer) => readCommitting(consumer, options, signal));
}

async function* readCommitting(
  consumer: Consumer,
  { topic, from, isLive }: ReadingOptions,
  signal: AbortSignal,
): AsyncGenerator<ShownRecord> {
  const stream = await consumer.consume({
    topics: [topic],
    mode: "committed",
    fallbackMode: from === "latest" ? "latest" : "earliest",
    autocommit: false,
  });
  const close = (): void => void stream.close().catch(() => undefined);
  signal.addEventListener("abort", close);
  const uncommitted = new Map<number, bigint>();
  const idle = isLive ? undefined : setTimeout(close, idleMsMax);
  try {
    for await (const message of stream) {
      idle?.refresh();
      const headers = message.headerEntries.map(([name, value]) => [String(name), value] as const);
      uncommitted.set(message.partition, message.offset + 1n);
      yield { ...message, timestampMs: message.timestamp, headers };
      if (stream.readableLength === 0) await commit(consumer, topic, uncommitted);
    }
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    const reason = explainFailure(error, "").message;
    const detail = `${topic} can not be read on: ${reason}; without --group the place is told`;
    throw new CommandFailure(detail, exitCodes.failed, error);
  } finally {
    clearTimeout(idle);
    signal.removeEventListener("abort", close);
    await commit(consumer, topic, uncommitted);
    await stream.close();
  }
}

async function commit(
  consumer: Consumer,
  topic: string,
  uncommitted: Map<number, bigint>,
): Promise<void> {
  if (uncommitted.size === 0) return;
  const offsets = [...uncommitted].map(([partition, offset]) => ({
    topic,
    partition,
    offset,
    leaderEpoch: -1,
  }));
  uncommitted.clear();
  await consumer.commit({ offsets });
}
