import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Moves partitions' log starts up. */
export const DeleteRecordsRequest = message({
  name: "DeleteRecordsRequest",
  key: 21,
  versions: "0-2",
  flexible: "2+",
  fields: {
    topics: wire.array({
      name: wire.string,
      partitions: wire.array({
        partitionIndex: wire.int32,
        offset: wire.int64,
      }),
    }),
    timeoutMs: wire.int32,
  },
});

/** The log starts thereafter. */
export const DeleteRecordsResponse = message({
  name: "DeleteRecordsResponse",
  key: 21,
  versions: "0-2",
  flexible: "2+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    topics: wire.array({
      name: wire.string,
      partitions: wire.array({
        partitionIndex: wire.int32,
        lowWatermark: wire.int64,
        errorCode: wire.int16,
      }),
    }),
  },
});
