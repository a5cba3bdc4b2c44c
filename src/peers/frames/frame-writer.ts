import { ByteWriter, equalBytes, writeInt32 } from "../../base/bytes.ts";
import type { Crc32c } from "../../base/crc32c.ts";
import type { Uuid } from "../../base/uuid.ts";
import type { PeerMessage } from "../../broker/ports/peer-links.ts";
import { tagOf, writeChainMessage } from "./chain-message-codec.ts";
import { writeCount, writeText } from "./count.ts";
import { countedFlag, frameHeadBytes, itemTags, sameTopicBit } from "./item-tags.ts";

const bytesExpected = 512;
const flagsAt = frameHeadBytes;

/** A frame as it goes to the socket. */
export interface SealedFrame {
  readonly chunks: readonly Uint8Array[];
  /** Of the other side's window; 0 for what needs none. */
  readonly countedBytes: number;
}

/** One frame while it is filled; record bytes and bodies are taken by reference. */
export class FrameWriter {
  readonly #writer = new ByteWriter(bytesExpected);
  #topicId: Uuid | undefined;
  #isCounted = false;

  readonly #version: number;

  /** `takenBytes`: what this side has taken of what the other one sent. */
  constructor(takenBytes: number, version: number) {
    this.#version = version;
    this.#writer.int32(0);
    this.#writer.int32(0);
    this.#writer.int8(0);
    writeCount(this.#writer, takenBytes);
  }

  /** With its head. */
  get sizeBytes(): number {
    return this.#writer.sizeBytes;
  }

  wanted(isWanted: boolean): void {
    this.#writer.int8(itemTags.wanted);
    this.#writer.int8(isWanted ? 1 : 0);
  }

  message({ topicId, partition, message }: PeerMessage, bytes: readonly Uint8Array[]): void {
    const isSame = this.#isOf(topicId);
    const tag = tagOf(message, this.#version);
    const writer = this.#count(tag | (isSame ? sameTopicBit : 0));
    if (!isSame) writer.copy(topicId);
    this.#topicId = topicId;
    writeCount(writer, partition);
    writeChainMessage(writer, message, tag);
    if (message.kind !== "append") return;
    writeCount(writer, totalBytes(bytes));
    for (const chunk of bytes) writer.raw(chunk);
  }

  call(id: number, name: string, body: Uint8Array): void {
    const writer = this.#count(itemTags.call);
    writeCount(writer, id);
    writeText(writer, name);
    writeCount(writer, body.length);
    writer.raw(body);
  }

  answer(id: number, body: Uint8Array): void {
    const writer = this.#count(itemTags.answer);
    writeCount(writer, id);
    writeCount(writer, body.length);
    writer.raw(body);
  }

  failure(id: number, code: string, detail: string): void {
    const writer = this.#count(itemTags.failure);
    writeCount(writer, id);
    writeText(writer, code);
    writeText(writer, detail);
  }

  seal(crc32c: Crc32c): SealedFrame {
    const { sizeBytes } = this;
    const chunks = this.#writer.finish();
    const head = chunks[0] as Uint8Array;
    head[flagsAt] = this.#isCounted ? countedFlag : 0;
    writeInt32(head, 0, sizeBytes - 4);
    let crc = crc32c(head.subarray(frameHeadBytes));
    for (let index = 1; index < chunks.length; index += 1) {
      crc = crc32c(chunks[index] as Uint8Array, crc);
    }
    writeInt32(head, 4, crc);
    return { chunks, countedBytes: this.#isCounted ? sizeBytes : 0 };
  }

  #count(tag: number): ByteWriter {
    this.#isCounted = true;
    this.#writer.int8(tag);
    return this.#writer;
  }

  #isOf(topicId: Uuid): boolean {
    const before = this.#topicId;
    return before === topicId || (before !== undefined && equalBytes(before, topicId));
  }
}

export function totalBytes(chunks: readonly Uint8Array[]): number {
  let total = 0;
  for (const { length } of chunks) total += length;
  return total;
}
