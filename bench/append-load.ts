import { setTimeout as sleep } from "node:timers/promises";
import { batchOf, type RawClient } from "../test/support/raw-client.ts";

export type TopicPartition = readonly [topic: string, partition: number];

/** Bytes of one request of a steady load, about. */
const requestBytes = 65_536;
const recordBytes = 1_024;
const tickMs = 5;

/** Sends a small batch after the other, each when the one before is answered: milliseconds each. */
export async function appendOneByOne(
  client: RawClient,
  partition: TopicPartition,
  durationMs: number,
): Promise<number[]> {
  const batch = batchOf(["x".repeat(100)]);
  const latenciesMs: number[] = [];
  for (const endMs = performance.now() + durationMs; performance.now() < endMs;) {
    const startedMs = performance.now();
    checked(await client.produce(partition, batch), partition);
    latenciesMs.push(performance.now() - startedMs);
  }
  return latenciesMs;
}

export interface SteadyLoad {
  readonly bytesPerSecond: number;
  readonly durationMs: number;
  /** Sent in turn; by default 1 KiB records without keys. */
  readonly batches?: readonly Uint8Array[];
}

/**
 * Sends at a fixed rate whether or not answers come, so that a stall hits all that would have been
 * sent meanwhile. Answers the milliseconds of each request.
 */
export async function appendSteadily(
  client: RawClient,
  partition: TopicPartition,
  load: SteadyLoad,
): Promise<number[]> {
  const batches = load.batches ?? [batchOf(Array(requestBytes / recordBytes).fill(value))];
  const latenciesMs: number[] = [];
  const sent: Promise<void>[] = [];
  const send = async (batch: Uint8Array): Promise<void> => {
    const startedMs = performance.now();
    checked(await client.produce(partition, batch), partition);
    latenciesMs.push(performance.now() - startedMs);
  };
  const startMs = performance.now();
  let sentBytes = 0;
  for (let nowMs = startMs; nowMs - startMs < load.durationMs; nowMs = performance.now()) {
    while (sentBytes < ((nowMs - startMs) / 1_000) * load.bytesPerSecond) {
      const batch = batches[sent.length % batches.length] ?? new Uint8Array();
      sent.push(send(batch));
      sentBytes += batch.length;
    }
    await sleep(tickMs);
  }
  await Promise.all(sent);
  return latenciesMs;
}

const value = "x".repeat(recordBytes);

function checked(answer: { readonly errorCode: number }, [topic]: TopicPartition): void {
  if (answer.errorCode !== 0) throw new Error(`${topic}: error ${answer.errorCode}`);
}
