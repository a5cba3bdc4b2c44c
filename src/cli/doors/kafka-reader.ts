import {
  matchesFilter,
  parseRecordFilter,
  type RecordFilter,
} from "../../broker/records/record-filter.ts";
import { CommandFailure } from "../exit-codes.ts";
import { readWithConsumer, withAdmin } from "../kafka-clients.ts";
import { readPartitions } from "../read-partitions.ts";
import type { ShownRecord } from "../record-format.ts";
import { findStart } from "../start-position.ts";
import { readTopics } from "../topic-offsets.ts";
import { readAsMember } from "./kafka-member.ts";
import type { ReadingOptions } from "./record-reader.ts";

/** Reads by Kafka's protocol, of any broker. It has no filters: records are filtered here. */
export async function* readOverKafka(
  options: ReadingOptions,
  signal: AbortSignal,
): AsyncGenerator<ShownRecord> {
  const filter = parseRecordFilter(options.filter);
  const read = options.group === undefined ? readAlone : readAsMember;
  for await (const record of read(options, signal)) {
    if (filter === undefined || isWanted(record, filter)) yield record;
  }
}

async function* readAlone(
  options: ReadingOptions,
  signal: AbortSignal,
): AsyncGenerator<ShownRecord> {
  const reading = await withAdmin(options, async (admin) => {
    const [topic] = await readTopics(admin, [options.topic]);
    if (topic === undefined) throw new CommandFailure(`there is no topic ${options.topic}`);
    const partitions = await findStart(admin, topic, options);
    return { topic, partitions, isLive: options.isLive };
  });
  yield* readWithConsumer(options, (consumer) => readPartitions(consumer, reading, signal));
}

function isWanted(record: ShownRecord, filter: RecordFilter): boolean {
  return matchesFilter(filter, record, () =>
    record.headers.map(([key, value]) => ({ key, value })),
  );
}
