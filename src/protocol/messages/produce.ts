import { message } from "../schema/message.ts";
import { noUuid, wire } from "../schema/wire.ts";

/** Appends record batches, at most one to each partition. */
export const ProduceRequest = message({
  name: "ProduceRequest",
  key: 0,
  versions: "3-13",
  flexible: "9+",
  fields: {
    transactionalId: wire.otherwise(wire.nullableString, null),
    acks: wire.int16,
    timeoutMs: wire.int32,
    topicData: wire.array({
      name: wire.versions("3-12", wire.string, "", wire.ignorable),
      topicId: wire.since(13, wire.uuid, noUuid, wire.ignorable),
      partitionData: wire.array({
        index: wire.int32,
        records: wire.records,
        /** Ours: the batches keep their offsets, and this is the log's end that they go on from. */
        mirroredFrom: wire.tagged({ tag: 1000, since: 9 }, wire.int64, -1),
      }),
    }),
  },
});

/** Where the batches went, or why they did not. */
export const ProduceResponse = message({
  name: "ProduceResponse",
  key: 0,
  versions: "3-13",
  flexible: "9+",
  fields: {
    responses: wire.array({
      name: wire.versions("3-12", wire.string, "", wire.ignorable),
      topicId: wire.since(13, wire.uuid, noUuid, wire.ignorable),
      partitionResponses: wire.array({
        index: wire.int32,
        errorCode: wire.int16,
        baseOffset: wire.int64,
        logAppendTimeMs: wire.otherwise(wire.int64, -1),
        logStartOffset: wire.since(5, wire.int64, -1, wire.ignorable),
        recordErrors: wire.since(
          8,
          wire.array({
            batchIndex: wire.int32,
            batchIndexErrorMessage: wire.otherwise(wire.nullableString, null),
          }),
          [],
          wire.ignorable,
        ),
        errorMessage: wire.since(8, wire.nullableString, null, wire.ignorable),
        currentLeader: wire.tagged(
          { tag: 0, since: 10 },
          wire.struct({
            leaderId: wire.otherwise(wire.int32, -1),
            leaderEpoch: wire.otherwise(wire.int32, -1),
          }),
        ),
      }),
    }),
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    nodeEndpoints: wire.tagged(
      { tag: 0, since: 10 },
      wire.array({
        nodeId: wire.int32,
        host: wire.string,
        port: wire.int32,
        rack: wire.otherwise(wire.nullableString, null),
      }),
    ),
  },
});
