import { message } from "../schema/message.ts";
import { noUuid, wire } from "../schema/wire.ts";

/** Key of a committed offset as written before Kafka 0.9; read like OffsetCommitKey. */
export const LegacyOffsetCommitKey = message({
  name: "LegacyOffsetCommitKey",
  key: 0,
  versions: "0",
  flexible: "none",
  fields: {
    group: wire.string,
    topic: wire.string,
    partition: wire.int32,
  },
});

/** Key of a committed offset in `__consumer_offsets`. */
export const OffsetCommitKey = message({
  name: "OffsetCommitKey",
  key: 1,
  versions: "0",
  flexible: "none",
  fields: {
    group: wire.string,
    topic: wire.string,
    partition: wire.int32,
  },
});

/** A committed offset. Kafka 4.3 writes version 4, or 1 when the commit gave a retention time. */
export const OffsetCommitValue = message({
  name: "OffsetCommitValue",
  key: 1,
  versions: "0-4",
  flexible: "4+",
  fields: {
    offset: wire.int64,
    leaderEpoch: wire.since(3, wire.int32, -1, wire.ignorable),
    metadata: wire.string,
    commitTimestamp: wire.int64,
    expireTimestamp: wire.versions("1", wire.int64, -1, wire.ignorable),
    topicId: wire.tagged({ tag: 0, since: 4 }, wire.uuid, noUuid, wire.ignorable),
  },
});
