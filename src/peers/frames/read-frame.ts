import { ByteReader } from "../../base/bytes.ts";
import type { Crc32c } from "../../base/crc32c.ts";
import { MalformedError } from "../../base/errors.ts";
import { uuidSizeBytes, type Uuid } from "../../base/uuid.ts";
import type { PeerMessage } from "../../broker/ports/peer-links.ts";
import { readChainMessage, readFlag } from "./chain-message-codec.ts";
import { readCount, readSizedBytes, readText } from "./count.ts";
import { countedFlag, frameHeadBytes, itemTags, sameTopicBit } from "./item-tags.ts";

const intMax = 0x7fffffff;

export interface IncomingCall {
  readonly id: number;
  readonly name: string;
  readonly body: Uint8Array;
}

export interface IncomingAnswer {
  readonly id: number;
  /** Absent when the call failed. */
  readonly body?: Uint8Array;
  readonly failure?: { readonly code: string; readonly detail: string };
}

/** A frame that was read; all bytes are views of it. */
export interface IncomingFrame {
  /** As its sender counts it; 0 for what needs no window. */
  readonly countedBytes: number;
  readonly takenBytes: number;
  /** Absent when the frame does not say. */
  isWanted?: boolean;
  readonly messages: PeerMessage[];
  readonly calls: IncomingCall[];
  readonly answers: IncomingAnswer[];
}

/** Reads a frame without its size. Throws MalformedError on anything that nobody writes. */
export function readFrame(body: Uint8Array, crc32c: Crc32c): IncomingFrame {
  const reader = new ByteReader(body);
  const crc = reader.uint32();
  if (crc32c(body.subarray(reader.position)) !== crc) {
    throw new MalformedError("the frame's checksum does not fit its bytes");
  }
  const flags = reader.uint8();
  if (flags > countedFlag) throw new MalformedError(`flags ${flags} are unknown`);
  const frame: IncomingFrame = {
    countedBytes: flags === countedFlag ? body.length + frameHeadBytes - 4 : 0,
    takenBytes: readCount(reader),
    messages: [],
    calls: [],
    answers: [],
  };
  let topicId: Uuid | undefined;
  while (reader.left > 0) topicId = readItem(reader, frame, topicId);
  const hasCounted = frame.messages.length + frame.calls.length + frame.answers.length > 0;
  if (hasCounted !== (flags === countedFlag)) {
    throw new MalformedError("the frame is not counted as what it holds");
  }
  return frame;
}

/** Answers the topic that the next message may be about. */
function readItem(
  reader: ByteReader,
  frame: IncomingFrame,
  topicBefore: Uuid | undefined,
): Uuid | undefined {
  reader.claimElements(1, 0);
  const tag = reader.uint8();
  switch (tag) {
    case itemTags.wanted:
      frame.isWanted = readFlag(reader);
      return topicBefore;
    case itemTags.call:
      frame.calls.push({
        id: readCount(reader),
        name: readText(reader),
        body: readSizedBytes(reader),
      });
      return topicBefore;
    case itemTags.answer:
      frame.answers.push({ id: readCount(reader), body: readSizedBytes(reader) });
      return topicBefore;
    case itemTags.failure: {
      const id = readCount(reader);
      frame.answers.push({ id, failure: { code: readText(reader), detail: readText(reader) } });
      return topicBefore;
    }
    default: {
      const read = readMessage(reader, tag, topicBefore);
      frame.messages.push(read);
      return read.topicId;
    }
  }
}

function readMessage(reader: ByteReader, tag: number, topicBefore: Uuid | undefined): PeerMessage {
  const isSameTopic = (tag & sameTopicBit) !== 0;
  const topicId = isSameTopic ? topicBefore : reader.bytes(uuidSizeBytes);
  if (topicId === undefined) throw new MalformedError("the first message of a frame has no topic");
  const partition = readCount(reader);
  if (partition > intMax) throw new MalformedError(`partition ${partition} can not be`);
  const message = readChainMessage(reader, tag & ~sameTopicBit);
  if (message === undefined) throw new MalformedError(`item ${tag} is unknown`);
  if (message.kind !== "append") return { topicId, partition, message };
  return { topicId, partition, message, bytes: readSizedBytes(reader) };
}
