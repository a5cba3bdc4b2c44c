import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Key of a consumer group's epoch in `__consumer_offsets`. */
export const ConsumerGroupMetadataKey = message({
  name: "ConsumerGroupMetadataKey",
  key: 3,
  versions: "0",
  flexible: "none",
  fields: {
    groupId: wire.string,
  },
});

/** A consumer group's epoch (KIP-848). */
export const ConsumerGroupMetadataValue = message({
  name: "ConsumerGroupMetadataValue",
  key: 3,
  versions: "0",
  flexible: "0+",
  fields: {
    epoch: wire.int32,
    metadataHash: wire.tagged({ tag: 0, since: 0 }, wire.int64, 0),
  },
});
