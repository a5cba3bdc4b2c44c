import { expect } from "vitest";
import type { Replica } from "../../src/broker/partition/replica/replica.ts";
import { replayBatch } from "../../src/broker/partition/producers/producer-replay.ts";
import { BatchWalk } from "../../src/log/batch-walk.ts";
import { LeaderEpochs } from "../../src/log/leader-epochs.ts";
import { type Producer, ProducerStates } from "../../src/log/producer-states.ts";
import type { AbortedTransaction } from "../../src/log/transaction-index.ts";
import { batchOf } from "./log-directory.ts";
import { held, logBytes } from "./replicas.ts";
import { TransactionalProducer } from "./transactional-producer.ts";

/** A whole batch, as a log must hold it. */
export interface ModelBatch {
  readonly bytes: Uint8Array;
  readonly baseOffset: number;
  readonly endOffset: number;
}

/** What a client or a coordinator appends. */
export interface ModelAppend {
  readonly kind: "plain" | "idempotent" | "transactional" | "abort" | "commit";
  readonly who: 0 | 1;
}

/** All that a replica holds, committed or not. */
export async function readModel(replica: Replica): Promise<ModelBatch[]> {
  await held(replica);
  const bytes = await logBytes(replica);
  const batches: ModelBatch[] = [];
  for (const walk = new BatchWalk(bytes, 0, 0); walk.look() === "batch"; walk.advance()) {
    const { position, sizeBytes, baseOffset, lastOffset } = walk;
    const batch = bytes.slice(position, position + sizeBytes);
    batches.push({ bytes: batch, baseOffset, endOffset: lastOffset + 1 });
  }
  return batches;
}

/** Whether what a replica knows of epochs, producers and transactions is what its batches say. */
export async function expectTold(
  replica: Replica,
  model: readonly ModelBatch[],
  committed: number,
): Promise<void> {
  const start = model[0]?.baseOffset ?? replica.end;
  const end = model.at(-1)?.endOffset ?? replica.end;
  const epochs = new LeaderEpochs();
  const states = new ProducerStates();
  const aborted: AbortedTransaction[] = [];
  for (const { bytes } of model) {
    const walk = new BatchWalk(bytes, 0, 0);
    expect(walk.look()).toBe("batch");
    epochs.assign(walk.leaderEpoch, walk.baseOffset);
    const ended = replayBatch(states, walk, 0);
    if (ended !== undefined) aborted.push(ended);
  }
  states.settle(committed);
  expect([replica.logStart, replica.end, replica.committed]).toEqual([start, end, committed]);
  expect(replica.epochEnds()).toEqual(epochs.ends({ logStart: start, end }));
  expect(replica.log.lastStable).toBe(Math.min(committed, states.firstUnstable ?? committed));
  expect(known(replica.log.producers())).toEqual(known(states.values()));
  expect(await replica.log.abortedTransactions(0, end)).toEqual(aborted);
}

function known(producers: Iterable<Producer>): object[] {
  const found = [...producers].map(({ producerId, epoch, batches, currentTxnFirstOffset }) => {
    return { producerId, epoch, last: batches.at(-1)?.lastSequence, currentTxnFirstOffset };
  });
  return found.sort((one, other) => one.producerId - other.producerId);
}

/** Appends a batch whose values are made from a number; not held yet. */
export function appendModel(replica: Replica, { kind, who }: ModelAppend, count: number): void {
  const { log } = replica;
  const values = [`value ${count}`, "x".repeat(count % 60)];
  if (kind === "plain") {
    log.append(batchOf(values), { origin: "client" });
    return;
  }
  const producerId = who + 1 + (kind === "idempotent" ? 10 : 0);
  const producer = new TransactionalProducer(producerId);
  producer.resume(log);
  if (kind === "transactional") producer.send(log, values);
  else if (kind !== "idempotent") producer.end(log, kind);
  else {
    const last = [...log.producers()].find((one) => one.producerId === producerId)?.batches.at(-1);
    const baseSequence = (last?.lastSequence ?? -1) + 1;
    log.append(batchOf(values, { producerId, producerEpoch: 0, baseSequence }), {
      origin: "client",
    });
  }
}
