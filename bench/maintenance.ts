import { readFileSync } from "node:fs";
import { batchOf, RawClient } from "../test/support/raw-client.ts";
import type { BrokerProcess } from "../test/support/broker-process.ts";
import { waitUntil } from "../test/support/wait-until.ts";
import { appendSteadily, type TopicPartition } from "./append-load.ts";
import { durabilityOf } from "./scenario.ts";

const segmentBytes = "1048576";
const bytesPerSecond = 4_000_000;
const keyCount = 2_000;
const recordsPerBatch = 64;

/** Node settings with which upkeep never rests for long; both products know them. */
export const restlessSettings = {
  "log.cleaner.backoff.ms": "100",
  "log.retention.check.interval.ms": "200",
};

/** What a broker does beside the appends that are measured. */
export type Upkeep = "compaction" | "retention";

const configsOf: Readonly<Record<Upkeep, Readonly<Record<string, string>>>> = {
  compaction: { "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01" },
  retention: { "retention.bytes": "2097152", "file.delete.delay.ms": "0" },
};

/** Feeds a topic of its own for so long that the broker has to compact it or remove from it. */
export async function keepBusy(
  broker: BrokerProcess,
  upkeep: Upkeep,
  durationMs: number,
): Promise<void> {
  const client = await RawClient.open(broker.port);
  const partition = [`${upkeep}-fed`, 0] as const;
  const configs = { "segment.bytes": segmentBytes, ...configsOf[upkeep] };
  const all = { ...configs, ...durabilityOf(broker, "os") };
  const { errorCode } = await client.createTopic(partition[0], { configs: all });
  if (errorCode !== 0) throw new Error(`${partition[0]}: error ${errorCode}`);
  await appendSteadily(client, partition, { bytesPerSecond, durationMs, batches: overwrites() });
  await waitUntil(`${upkeep} has done something`, () => hasWorked(broker, client, partition));
  client.close();
}

/** The same keys over and over. */
function overwrites(): Uint8Array[] {
  const encoder = new TextEncoder();
  const value = encoder.encode("x".repeat(900));
  return Array.from({ length: Math.ceil(keyCount / recordsPerBatch) }, (_, at) =>
    batchOf(
      Array.from({ length: recordsPerBatch }, (_unused, record) => ({
        key: encoder.encode(`key-${at * recordsPerBatch + record}`),
        value,
      })),
    ),
  );
}

/** Without it a run would measure nothing. */
async function hasWorked(
  broker: BrokerProcess,
  client: RawClient,
  [topic, index]: TopicPartition,
): Promise<boolean> {
  if (topic.startsWith("retention")) {
    return Number((await client.listOffset([topic, index], -2)).offset) > 0;
  }
  const line = new RegExp(`^${topic} ${index} [1-9]`, "m");
  try {
    return line.test(readFileSync(`${broker.dataFolder}/cleaner-offset-checkpoint`, "utf8"));
  } catch {
    // Made by the first pass.
    return false;
  }
}
