import { message } from "../schema/message.ts";
import { noUuid, wire } from "../schema/wire.ts";

/** Asks for stored batches from an offset on, by topic id from version 13. */
export const FetchRequest = message({
  name: "FetchRequest",
  key: 1,
  versions: "4-18",
  flexible: "12+",
  fields: {
    clusterId: wire.tagged({ tag: 0, since: 12 }, wire.nullableString, null, wire.ignorable),
    replicaId: wire.versions("4-14", wire.int32, -1),
    replicaState: wire.tagged(
      { tag: 1, since: 15 },
      wire.struct({
        replicaId: wire.otherwise(wire.int32, -1),
        replicaEpoch: wire.otherwise(wire.int64, -1),
      }),
    ),
    maxWaitMs: wire.int32,
    minBytes: wire.int32,
    maxBytes: wire.otherwise(wire.int32, 2_147_483_647),
    isolationLevel: wire.otherwise(wire.int8, 0),
    sessionId: wire.since(7, wire.int32, 0, wire.ignorable),
    sessionEpoch: wire.since(7, wire.int32, -1, wire.ignorable),
    topics: wire.array({
      topic: wire.versions("4-12", wire.string, "", wire.ignorable),
      topicId: wire.since(13, wire.uuid, noUuid, wire.ignorable),
      partitions: wire.array({
        partition: wire.int32,
        currentLeaderEpoch: wire.since(9, wire.int32, -1, wire.ignorable),
        fetchOffset: wire.int64,
        lastFetchedEpoch: wire.since(12, wire.int32, -1),
        logStartOffset: wire.since(5, wire.int64, -1, wire.ignorable),
        partitionMaxBytes: wire.int32,
        replicaDirectoryId: wire.tagged({ tag: 0, since: 17 }, wire.uuid, noUuid, wire.ignorable),
        highWatermark: wire.tagged(
          { tag: 1, since: 18 },
          wire.int64,
          9_223_372_036_854_775_807n,
          wire.ignorable,
        ),
      }),
    }),
    forgottenTopicsData: wire.since(
      7,
      wire.array({
        topic: wire.versions("7-12", wire.string, "", wire.ignorable),
        topicId: wire.since(13, wire.uuid, noUuid, wire.ignorable),
        partitions: wire.array(wire.int32),
      }),
    ),
    rackId: wire.since(11, wire.string, "", wire.ignorable),
  },
});

/** Batches as they are stored, beginning with the one that holds the offset asked for. */
export const FetchResponse = message({
  name: "FetchResponse",
  key: 1,
  versions: "4-18",
  flexible: "12+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.since(7, wire.int16, 0, wire.ignorable),
    sessionId: wire.since(7, wire.int32, 0),
    responses: wire.array({
      topic: wire.versions("4-12", wire.string, "", wire.ignorable),
      topicId: wire.since(13, wire.uuid, noUuid, wire.ignorable),
      partitions: wire.array({
        partitionIndex: wire.int32,
        errorCode: wire.int16,
        highWatermark: wire.int64,
        lastStableOffset: wire.otherwise(wire.int64, -1),
        logStartOffset: wire.since(5, wire.int64, -1, wire.ignorable),
        divergingEpoch: wire.tagged(
          { tag: 0, since: 12 },
          wire.struct({
            epoch: wire.otherwise(wire.int32, -1),
            endOffset: wire.otherwise(wire.int64, -1),
          }),
        ),
        currentLeader: wire.tagged(
          { tag: 1, since: 12 },
          wire.struct({
            leaderId: wire.otherwise(wire.int32, -1),
            leaderEpoch: wire.otherwise(wire.int32, -1),
          }),
        ),
        snapshotId: wire.tagged(
          { tag: 2, since: 12 },
          wire.struct({
            endOffset: wire.otherwise(wire.int64, -1),
            epoch: wire.otherwise(wire.int32, -1),
          }),
        ),
        abortedTransactions: wire.nullable(
          wire.array({
            producerId: wire.int64,
            firstOffset: wire.int64,
          }),
        ),
        preferredReadReplica: wire.since(11, wire.int32, -1),
        records: wire.records,
      }),
    }),
    nodeEndpoints: wire.tagged(
      { tag: 0, since: 16 },
      wire.array({
        nodeId: wire.int32,
        host: wire.string,
        port: wire.int32,
        rack: wire.otherwise(wire.nullableString, null),
      }),
    ),
  },
});
