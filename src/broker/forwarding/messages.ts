import { ByteReader, ByteWriter } from "../../base/bytes.ts";
import { MalformedError } from "../../base/errors.ts";
import { message, type MessageCodec } from "../../protocol/schema/message.ts";
import { wire } from "../../protocol/schema/wire.ts";

/**
 * What nodes ask each other for their clients. Offsets and times are doubles, exact up to 2^53;
 * NaN: there is none.
 */
const form = { versions: "0", flexible: "0+" } as const;

const headers = wire.array({ key: wire.string, value: wire.nullableBytes });

/** The topic by its id too: one of the same name may have come since. */
const place = { topic: wire.string, topicId: wire.uuid };

const storedRecord = {
  offset: wire.float64,
  timestampMs: wire.float64,
  key: wire.nullableBytes,
  value: wire.nullableBytes,
  headers,
};

const appendOutcome = {
  records: wire.array({
    partition: wire.int32,
    offset: wire.float64,
    timestampMs: wire.float64,
    /** Which of `errors`; -1: none. */
    error: wire.int32,
  }),
  isDurable: wire.bool,
  isDuplicate: wire.bool,
  errors: wire.array({ code: wire.string, detail: wire.string, facts: wire.string }),
  error: wire.int32,
};

export const appendCall = message({
  name: "ForwardedAppend",
  ...form,
  fields: {
    ...place,
    records: wire.array({
      key: wire.nullableBytes,
      value: wire.nullableBytes,
      headers,
      partition: wire.int32,
      timestampMs: wire.float64,
    }),
    acks: wire.int8,
    timeoutMs: wire.float64,
    clientId: wire.string,
    minReplicas: wire.int32,
    durability: wire.string,
    expectedOffset: wire.float64,
    /** None or one. */
    idempotency: wire.array({ scope: wire.string, key: wire.string, fingerprint: wire.string }),
  },
});

export const appendAnswer = message({
  name: "ForwardedAppendAnswer",
  ...form,
  fields: appendOutcome,
});

export const readCall = message({
  name: "ForwardedRead",
  ...form,
  fields: {
    ...place,
    partition: wire.int32,
    positionKind: wire.string,
    positionValue: wire.float64,
    limit: wire.float64,
    maxBytes: wire.float64,
    waitMs: wire.float64,
    /** By which the wait is ended early. */
    waitId: wire.float64,
    reset: wire.string,
    /** None or one. */
    filter: wire.array({
      key: wire.nullableBytes,
      keyPrefix: wire.nullableBytes,
      headers: wire.array({ name: wire.string, value: wire.bytes }),
      json: wire.array({ tokens: wire.array(wire.string), text: wire.string }),
    }),
  },
});

export const readAnswer = message({
  name: "ForwardedReadAnswer",
  ...form,
  fields: {
    records: wire.array(storedRecord),
    nextOffset: wire.float64,
    highWatermark: wire.float64,
    lastStable: wire.float64,
    logStart: wire.float64,
    isLatestKnown: wire.bool,
    wasReset: wire.bool,
  },
});

export const endWaitCall = message({
  name: "ForwardedEndWait",
  ...form,
  fields: { waitId: wire.float64 },
});

/** What the caller knows of each; NaN: nothing. */
export const watchCall = message({
  name: "ForwardedWatch",
  ...form,
  fields: {
    waitId: wire.float64,
    waitMs: wire.float64,
    partitions: wire.array({
      ...place,
      partition: wire.int32,
      logStart: wire.float64,
      lastStable: wire.float64,
    }),
  },
});

export const watchAnswer = message({
  name: "ForwardedWatchAnswer",
  ...form,
  fields: {
    news: wire.array({
      /** Which of those asked for. */
      at: wire.int32,
      /** By the node that was asked; else nothing is known. */
      isLed: wire.bool,
      logStart: wire.float64,
      lastStable: wire.float64,
      end: wire.float64,
    }),
  },
});

export const resolveCall = message({
  name: "ForwardedResolve",
  ...form,
  fields: {
    ...place,
    partition: wire.int32,
    positionKind: wire.string,
    positionValue: wire.float64,
  },
});

export const resolveAnswer = message({
  name: "ForwardedResolveAnswer",
  ...form,
  fields: {
    offset: wire.float64,
    logStart: wire.float64,
    committed: wire.float64,
    lastStable: wire.float64,
    end: wire.float64,
    isLatestKnown: wire.bool,
  },
});

/** What is asked of a group, and answered, as JSON; records beside it. */
export const groupCall = message({
  name: "ForwardedGroupCall",
  ...form,
  fields: { use: wire.string, json: wire.bytes, waitId: wire.float64 },
});

export const groupAnswer = message({
  name: "ForwardedGroupAnswer",
  ...form,
  fields: {
    json: wire.bytes,
    records: wire.array({ topic: wire.string, partition: wire.int32, ...storedRecord }),
  },
});

export const latestCall = message({
  name: "ForwardedLatest",
  ...form,
  fields: { ...place, partition: wire.int32, key: wire.bytes },
});

/** None or one. */
export const latestAnswer = message({
  name: "ForwardedLatestAnswer",
  ...form,
  fields: { records: wire.array(storedRecord) },
});

export const patchCall = message({
  name: "ForwardedPatch",
  ...form,
  fields: {
    ...place,
    partition: wire.int32,
    key: wire.nullableBytes,
    patch: wire.bytes,
    timeoutMs: wire.float64,
    clientId: wire.string,
  },
});

export const patchAnswer = message({
  name: "ForwardedPatchAnswer",
  ...form,
  fields: {
    appended: wire.struct(appendOutcome),
    companion: wire.struct(appendOutcome),
    document: wire.bytes,
  },
});

/** In place of an answer. */
export const failure = message({
  name: "ForwardedFailure",
  ...form,
  fields: { code: wire.string, detail: wire.string, facts: wire.string },
});

export function encode<R, W>(codec: MessageCodec<R, W>, value: W): Uint8Array {
  const writer = new ByteWriter();
  codec.write(writer, value, 0);
  return writer.toBytes();
}

/** Throws MalformedError, also where more follows. */
export function decode<R, W>(codec: MessageCodec<R, W>, bytes: Uint8Array): R {
  const reader = new ByteReader(bytes);
  const value = codec.read(reader, 0);
  if (reader.left > 0) throw new MalformedError(`${codec.name} has ${reader.left} bytes more`);
  return value;
}
