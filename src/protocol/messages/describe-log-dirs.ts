import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for the sizes of partitions on disk. */
export const DescribeLogDirsRequest = message({
  name: "DescribeLogDirsRequest",
  key: 35,
  versions: "1-5",
  flexible: "2+",
  fields: {
    topics: wire.nullable(
      wire.array({
        topic: wire.string,
        partitions: wire.array(wire.int32),
      }),
    ),
  },
});

/** Log directories with their partitions. */
export const DescribeLogDirsResponse = message({
  name: "DescribeLogDirsResponse",
  key: 35,
  versions: "1-5",
  flexible: "2+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.since(3, wire.int16, 0, wire.ignorable),
    results: wire.array({
      errorCode: wire.int16,
      logDir: wire.string,
      topics: wire.array({
        name: wire.string,
        partitions: wire.array({
          partitionIndex: wire.int32,
          partitionSize: wire.int64,
          offsetLag: wire.int64,
          isFutureKey: wire.bool,
        }),
      }),
      totalBytes: wire.since(4, wire.int64, -1, wire.ignorable),
      usableBytes: wire.since(4, wire.int64, -1, wire.ignorable),
      isCordoned: wire.since(5, wire.bool, false, wire.ignorable),
    }),
  },
});
