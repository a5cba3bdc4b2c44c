import { ByteReader, ByteWriter, writeInt32 } from "../base/bytes.ts";
import type { Crc32c } from "../base/crc32c.ts";
import { MalformedError } from "../base/errors.ts";
import type { Producer, ProducerBatch } from "./producer-states.ts";

/** int16 version, uint32 crc, int32 count. */
const headBytes = 10;
const producerBytes = 46;
const crcPosition = 2;
const crcFrom = 6;
const version = 1;

/** The bytes of a `.snapshot` file (records.md); of the remembered batches the last is stored. */
export function writeProducerSnapshot(producers: Iterable<Producer>, crc32c: Crc32c): Uint8Array {
  const writer = new ByteWriter();
  writer.int16(version);
  writer.uint32(0);
  const countAt = writer.reserveInt32();
  let count = 0;
  for (const producer of producers) {
    writeProducer(writer, producer);
    count += 1;
  }
  writer.patchInt32(countAt, count);
  const bytes = writer.toBytes();
  writeInt32(bytes, crcPosition, crc32c(bytes.subarray(crcFrom)));
  return bytes;
}

/** Throws MalformedError for another version, a wrong sum or a wrong size. */
export function readProducerSnapshot(bytes: Uint8Array, crc32c: Crc32c, nowMs: number): Producer[] {
  const reader = new ByteReader(bytes);
  const found = reader.int16();
  if (found !== version) throw new MalformedError(`producer snapshot version ${found}`);
  if (reader.uint32() !== crc32c(bytes.subarray(crcFrom))) {
    throw new MalformedError("producer snapshot with a wrong checksum");
  }
  const count = reader.int32();
  if (count < 0 || headBytes + count * producerBytes !== bytes.length) {
    throw new MalformedError(`producer snapshot of ${count} producers in ${bytes.length} bytes`);
  }
  const producers = Array.from({ length: count }, () => readProducer(reader, nowMs));
  checkTransactions(producers);
  return producers;
}

/** No two transactions begin with the same record. */
function checkTransactions(producers: readonly Producer[]): void {
  const begun = new Set<number>();
  for (const { currentTxnFirstOffset: firstOffset } of producers) {
    if (firstOffset < 0) continue;
    if (begun.has(firstOffset)) {
      throw new MalformedError(`producer snapshot with two transactions at ${firstOffset}`);
    }
    begun.add(firstOffset);
  }
}

function writeProducer(writer: ByteWriter, producer: Producer): void {
  const last = producer.batches.at(-1);
  writer.int64(producer.producerId);
  writer.int16(producer.epoch);
  writer.int32(last?.lastSequence ?? -1);
  writer.int64(last?.lastOffset ?? -1);
  writer.int32(last?.offsetDelta ?? 0);
  writer.int64(producer.timestampMs);
  writer.int32(producer.coordinatorEpoch);
  writer.int64(producer.currentTxnFirstOffset);
}

function readProducer(reader: ByteReader, seenMs: number): Producer {
  const producerId = Number(reader.int64());
  const epoch = reader.int16();
  const lastSequence = reader.int32();
  const lastOffset = Number(reader.int64());
  const offsetDelta = reader.int32();
  const timestampMs = Number(reader.int64());
  const coordinatorEpoch = reader.int32();
  const currentTxnFirstOffset = Number(reader.int64());
  const batch: ProducerBatch = {
    firstSequence: firstSequenceOf(lastSequence, offsetDelta),
    lastSequence,
    lastOffset,
    offsetDelta,
    timestampMs,
  };
  const batches = lastSequence < 0 ? [] : [batch];
  return {
    producerId,
    epoch,
    batches,
    timestampMs,
    coordinatorEpoch,
    currentTxnFirstOffset,
    seenMs,
  };
}

function firstSequenceOf(lastSequence: number, offsetDelta: number): number {
  const first = lastSequence - offsetDelta;
  return first >= 0 ? first : first + 0x80000000;
}
