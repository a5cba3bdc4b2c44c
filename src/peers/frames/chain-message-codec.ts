import type { ByteReader, ByteWriter } from "../../base/bytes.ts";
import { MalformedError } from "../../base/errors.ts";
import type { Ack, Append, ChainMessage, Hello, HelloOk } from "../../replication/chain-message.ts";
import type { EpochEnd } from "../../replication/epoch-table.ts";
import { epochsInHelloMax } from "../../replication/chain-message.ts";
import { readCount, writeCount } from "./count.ts";
import { itemTags } from "./item-tags.ts";

const epochEndBytesMin = 2;

/** How a message is written to who speaks that version of the protocol. */
export function tagOf(message: ChainMessage, version: number): number {
  const { kind } = message;
  if (version < 2) return itemTags[kind];
  if (kind === "ack" && message.logStartMax > message.logStart) return itemTags.ackOfStarts;
  return kind === "helloOk" && message.epochs ? itemTags.helloOkOfEpochs : itemTags[kind];
}

/** Everything of a message but its place and an Append's batches. */
export function writeChainMessage(writer: ByteWriter, message: ChainMessage, tag: number): void {
  writeCount(writer, message.epoch);
  writeCount(writer, message.session);
  switch (message.kind) {
    case "hello":
      return writeHello(writer, message);
    case "helloOk":
      writeCount(writer, message.common);
      writeCount(writer, message.commonEpoch + 1);
      writeCount(writer, message.committed);
      return tag === itemTags.helloOk ? undefined : writeEpochs(writer, message.epochs);
    case "append":
      return writeAppend(writer, message);
    case "ack":
      writeAck(writer, message);
      return tag === itemTags.ackOfStarts ? writeCount(writer, message.logStartMax) : undefined;
    case "reject":
      return;
  }
}

/** Undefined: the tag is of no message. Throws MalformedError. */
export function readChainMessage(reader: ByteReader, tag: number): ChainMessage | undefined {
  if (tag < itemTags.hello || tag > itemTags.helloOkOfEpochs) return undefined;
  const epoch = readCount(reader);
  const session = readCount(reader);
  switch (tag) {
    case itemTags.hello:
      return readHello(reader, epoch, session);
    case itemTags.helloOk:
    case itemTags.helloOkOfEpochs:
      return readHelloOk(reader, tag, epoch, session);
    case itemTags.append:
      return readAppend(reader, epoch, session);
    case itemTags.ack:
    case itemTags.ackOfStarts:
      return readAck(reader, tag, epoch, session);
    default:
      return { kind: "reject", epoch, session };
  }
}

function writeHello(writer: ByteWriter, { logStart, end, epochs }: Hello): void {
  writeCount(writer, logStart);
  writeCount(writer, end);
  writeEpochs(writer, epochs);
}

function writeEpochs(writer: ByteWriter, epochs: readonly EpochEnd[] = []): void {
  writeCount(writer, epochs.length);
  for (const { epoch, endOffset } of epochs) {
    writeCount(writer, epoch);
    writeCount(writer, endOffset);
  }
}

function readHello(reader: ByteReader, epoch: number, session: number): Hello {
  const logStart = readCount(reader);
  const end = readCount(reader);
  return { kind: "hello", epoch, session, logStart, end, epochs: readEpochs(reader) };
}

function readEpochs(reader: ByteReader): EpochEnd[] {
  const count = readCount(reader);
  if (count > epochsInHelloMax) throw new MalformedError(`a Hello with ${count} epochs`);
  reader.claimElements(count, epochEndBytesMin);
  return Array.from({ length: count }, () => ({
    epoch: readCount(reader),
    endOffset: readCount(reader),
  }));
}

function readHelloOk(reader: ByteReader, tag: number, epoch: number, session: number): HelloOk {
  const common = readCount(reader);
  const commonEpoch = readCount(reader) - 1;
  const committed = readCount(reader);
  const more = tag === itemTags.helloOk ? {} : { epochs: readEpochs(reader) };
  return { kind: "helloOk", epoch, session, common, commonEpoch, committed, ...more };
}

function writeAppend(writer: ByteWriter, message: Append): void {
  writeCount(writer, message.base);
  writeCount(writer, message.next - message.base);
  writeCount(writer, message.committed);
  writeCount(writer, message.logStart);
  writeCount(writer, message.flush);
  writer.int8(message.isFresh ? 1 : 0);
}

function readAppend(reader: ByteReader, epoch: number, session: number): Append {
  const base = readCount(reader);
  const next = base + readCount(reader);
  if (!Number.isSafeInteger(next)) throw new MalformedError("an offset of more than 53 bits");
  const committed = readCount(reader);
  const logStart = readCount(reader);
  const flush = readCount(reader);
  const isFresh = readFlag(reader);
  return { kind: "append", epoch, session, base, next, committed, logStart, flush, isFresh };
}

function writeAck(writer: ByteWriter, message: Ack): void {
  writeCount(writer, message.written);
  writeCount(writer, message.flushed);
  writeCount(writer, message.logStart);
  writeCount(writer, message.ownWritten);
  writeCount(writer, message.ownFlushed);
}

function readAck(reader: ByteReader, tag: number, epoch: number, session: number): Ack {
  const written = readCount(reader);
  const flushed = readCount(reader);
  const logStart = readCount(reader);
  const ownWritten = readCount(reader);
  const ownFlushed = readCount(reader);
  const logStartMax = tag === itemTags.ackOfStarts ? readCount(reader) : logStart;
  const marks = { written, flushed, logStart, logStartMax, ownWritten, ownFlushed };
  return { kind: "ack", epoch, session, ...marks };
}

/** Throws MalformedError on what is neither 0 nor 1. */
export function readFlag(reader: ByteReader): boolean {
  const byte = reader.uint8();
  if (byte > 1) throw new MalformedError(`${byte} is neither yes nor no`);
  return byte === 1;
}
