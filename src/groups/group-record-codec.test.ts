import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MalformedError } from "../base/errors.ts";
import { readGroupRecord, writeGroupRecord } from "./group-record-codec.ts";
import type {
  ClassicGroupImage,
  ClassicGroupRecord,
  CommittedOffset,
  ConsumerGroupRecord,
  GroupRecord,
  OffsetRecord,
  PartitionEpochs,
  StoredMember,
  TopicPartitions,
} from "./group-record.ts";

interface RecordedBytes {
  readonly id: string;
  readonly hex: string;
}

const recorded = JSON.parse(
  readFileSync(new URL("../../test/vectors/internal-records.json", import.meta.url), "utf8"),
) as RecordedBytes[];

function vector(id: string): Uint8Array {
  const found = recorded.find((one) => one.id === id);
  if (found === undefined) throw new Error(`there is no vector ${id}`);
  return Uint8Array.from(Buffer.from(found.hex, "hex"));
}

const topicId = Uint8Array.from(Buffer.from("00112233445566778899aabbccddeeff", "hex"));

describe("records as Kafka writes them", () => {
  test("an offset of version 4 with its topic id reads and writes byte for byte", () => {
    const bytes = { key: vector("OffsetCommitKey-v0"), value: vector("OffsetCommitValue-v4") };
    const record = readGroupRecord(bytes);
    expect(record).toEqual({
      kind: "offset",
      group: "g1",
      topic: "orders",
      partition: 0,
      value: {
        offset: 12,
        leaderEpoch: 4,
        metadata: "",
        commitTimestampMs: 1_700_000_000_000,
        expireTimestampMs: null,
        topicId,
      },
    });
    expect(writeGroupRecord(record as GroupRecord)).toEqual(bytes);
  });

  test("an offset of version 3 reads without expiry and topic id", () => {
    const bytes = { key: vector("OffsetCommitKey-v0"), value: vector("OffsetCommitValue-v3") };
    expect(readGroupRecord(bytes)).toMatchObject({
      value: { offset: 12, leaderEpoch: 4, metadata: "m", expireTimestampMs: null, topicId: null },
    });
  });

  test.each(["GroupMetadataValue-v3", "GroupMetadataValue-v3-empty"])(
    "a group (%s) reads and writes byte for byte",
    (id) => {
      const bytes = { key: vector("GroupMetadataKey-v0"), value: vector(id) };
      const record = readGroupRecord(bytes);
      expect(record).toMatchObject({ kind: "classicGroup", group: "g1" });
      expect(writeGroupRecord(record as GroupRecord)).toEqual(bytes);
    },
  );

  test("a tombstone has no value", () => {
    const record = readGroupRecord({ key: vector("GroupMetadataKey-v0"), value: null });
    expect(record).toEqual({ kind: "classicGroup", group: "g1", value: null });
    expect(writeGroupRecord(record as GroupRecord).value).toBeNull();
  });

  test("an offset with its own expiry is written as version 1", () => {
    const value = {
      offset: 7,
      leaderEpoch: 3,
      metadata: "m",
      commitTimestampMs: 1,
      expireTimestampMs: 9,
      topicId,
    };
    const place = { group: "g", topic: "t", partition: 1 };
    const bytes = writeGroupRecord({ kind: "offset", ...place, value });
    expect(bytes.value?.subarray(0, 2)).toEqual(Uint8Array.of(0, 1));
    // That version has neither leader epoch nor topic id.
    const kept = { ...value, leaderEpoch: -1, topicId: null };
    expect(readGroupRecord(bytes)).toEqual({ kind: "offset", ...place, value: kept });
  });

  test("a consumer group's epoch reads and writes byte for byte", () => {
    const bytes = {
      key: vector("ConsumerGroupMetadataKey-v0"),
      value: vector("ConsumerGroupMetadataValue-v0"),
    };
    const record = readGroupRecord(bytes);
    expect(record).toMatchObject({ kind: "consumerGroup", group: "g848" });
    expect(writeGroupRecord(record as GroupRecord)).toEqual(bytes);
  });

  test("records of share groups are passed over", () => {
    const key = Uint8Array.of(0, 11, 0, 1, 103);
    expect(readGroupRecord({ key, value: null })).toBeUndefined();
  });
});

describe("records that are none", () => {
  test("of a value version that nobody knows are refused", () => {
    const key = vector("OffsetCommitKey-v0");
    const value = Uint8Array.of(0, 99, 0, 0);
    expect(() => readGroupRecord({ key, value })).toThrow(MalformedError);
  });

  test.each(["OffsetCommitValue-v4", "GroupMetadataValue-v3"])("cut off (%s) are refused", (id) => {
    const whole = vector(id);
    const key = vector(id.startsWith("Offset") ? "OffsetCommitKey-v0" : "GroupMetadataKey-v0");
    for (let length = 0; length < whole.length; length++) {
      const value = whole.subarray(0, length);
      expect(() => readGroupRecord({ key, value })).toThrow(MalformedError);
    }
  });
});

const text = fc.string({ maxLength: 40, unit: "grapheme" });
const bytes = fc.uint8Array({ maxLength: 50 });
const int32 = fc.integer();
const timestamp = fc.integer({ min: 0, max: 2 ** 52 });

const offset: fc.Arbitrary<CommittedOffset> = fc.record({
  offset: fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER }),
  leaderEpoch: int32,
  metadata: text,
  commitTimestampMs: timestamp,
  expireTimestampMs: fc.constant(null),
  topicId: fc.constantFrom(null, topicId),
});

const member: fc.Arbitrary<StoredMember> = fc.record({
  memberId: text,
  instanceId: fc.option(text),
  clientId: text,
  clientHost: text,
  rebalanceTimeoutMs: int32,
  sessionTimeoutMs: int32,
  subscription: bytes,
  assignment: bytes,
});

const image: fc.Arbitrary<ClassicGroupImage> = fc.record({
  protocolType: text,
  generation: int32,
  protocolName: fc.option(text),
  leader: fc.option(text),
  stateTimestampMs: fc.oneof(fc.constant(-1), timestamp),
  members: fc.array(member, { maxLength: 4 }),
});

const offsetRecord: fc.Arbitrary<OffsetRecord> = fc.record({
  kind: fc.constant("offset" as const),
  group: text,
  topic: text,
  partition: fc.nat(),
  value: fc.option(offset),
});

const groupRecord: fc.Arbitrary<ClassicGroupRecord> = fc.record({
  kind: fc.constant("classicGroup" as const),
  group: text,
  value: fc.option(image),
});

const topicName = fc.constantFrom("AAAAAAAAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBBBBBBBA");
const target = fc
  .uniqueArray(topicName)
  .chain((ids) =>
    fc
      .tuple(...ids.map(() => fc.uniqueArray(fc.nat(), { maxLength: 5 })))
      .map((some): TopicPartitions => new Map(ids.map((id, at) => [id, some[at] ?? []]))),
  );
const held = target.map(
  (some): PartitionEpochs =>
    new Map([...some].map(([id, each]) => [id, new Map(each.map((one) => [one, one % 7]))])),
);
const ofMember = { group: text, memberId: text };
const consumerRecord: fc.Arbitrary<ConsumerGroupRecord> = fc.oneof(
  fc.record({
    kind: fc.constant("consumerGroup" as const),
    group: text,
    value: fc.option(fc.record({ epoch: fc.nat(), metadataHash: timestamp })),
  }),
  fc.record({
    kind: fc.constant("consumerTarget" as const),
    group: text,
    value: fc.option(fc.record({ epoch: fc.nat(), timestampMs: timestamp })),
  }),
  fc.record({
    kind: fc.constant("consumerMember" as const),
    ...ofMember,
    value: fc.option(
      fc.record({
        instanceId: fc.option(text),
        rackId: fc.option(text),
        clientId: text,
        clientHost: text,
        subscribedTopics: fc.uniqueArray(text).map((some) => some.toSorted()),
        rebalanceTimeoutMs: int32,
        serverAssignor: fc.option(text),
      }),
    ),
  }),
  fc.record({
    kind: fc.constant("consumerTargetMember" as const),
    ...ofMember,
    value: fc.option(target),
  }),
  fc.record({
    kind: fc.constant("consumerCurrent" as const),
    ...ofMember,
    value: fc.option(
      fc.record({
        epoch: int32,
        previousEpoch: int32,
        phase: fc.constantFrom("stable", "unrevoked", "unreleased"),
        assigned: held,
        pendingRevocation: held,
      }),
    ),
  }),
);

test("what is written reads the same", () => {
  fc.assert(
    fc.property(fc.oneof(offsetRecord, groupRecord, consumerRecord), (record) => {
      expect(readGroupRecord(writeGroupRecord(record))).toEqual(record);
    }),
  );
});
