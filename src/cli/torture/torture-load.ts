import { readWithConsumer, withAdmin, withProducer } from "../kafka-clients.ts";
import { readPartitions } from "../read-partitions.ts";
import { findStart } from "../start-position.ts";
import { readTopics } from "../topic-offsets.ts";
import { formatStamp } from "./record-stamp.ts";
import type { FoundRecord, Notes, ToldRecords } from "./told-records.ts";

export const tortureTopic = "torture";
export const torturePartitions = 4;

export async function makeTopic(bootstrap: string): Promise<void> {
  await withAdmin({ bootstrap }, async (admin) => {
    const partitions = torturePartitions;
    await admin.createTopics({ topics: [tortureTopic], partitions, replicas: 1 });
  });
}

/** Appends one record after the other to each partition until the broker is gone, or aborted. */
export async function loadUntilGone(
  bootstrap: string,
  notes: Notes,
  signal: AbortSignal,
): Promise<void> {
  const indexes = Array.from({ length: torturePartitions }, (_, index) => index);
  const lane = (partition: number) =>
    withProducer({ bootstrap }, async (producer) => {
      while (!signal.aborted) {
        const sequence = notes.next(partition);
        const value = Buffer.from(formatStamp({ producer: partition, sequence }));
        const message = { topic: tortureTopic, partition, value };
        const { offsets } = await producer.send({ messages: [message], acks: -1 });
        const offset = offsets?.[0]?.offset;
        if (offset !== undefined) await notes.note(partition, sequence, Number(offset));
      }
    });
  // A broker that is gone ends a lane: what was under way is not acknowledged.
  await Promise.all(indexes.map((index) => lane(index).catch(() => undefined)));
}

/** What is wrong with what the broker holds. */
export async function findViolations(bootstrap: string, told: ToldRecords): Promise<string[]> {
  return await withAdmin({ bootstrap }, async (admin) => {
    const [topic] = await readTopics(admin, [tortureTopic]);
    if (topic === undefined) return ["the topic is gone"];
    const found = new Map<number, FoundRecord[]>();
    for (const index of told.partitions) found.set(index, []);
    for (const { index } of topic.partitions) found.set(index, []);
    const partitions = await findStart(admin, topic, { from: "earliest" });
    const { signal } = new AbortController();
    const records = readWithConsumer({ bootstrap }, (consumer) =>
      readPartitions(consumer, { topic, partitions, isLive: false }, signal),
    );
    for await (const { partition, offset, value } of records) {
      found.get(partition)?.push({ offset: Number(offset), value });
    }
    return [...found].flatMap(([index, records]) => told.findViolations(index, records));
  });
}
