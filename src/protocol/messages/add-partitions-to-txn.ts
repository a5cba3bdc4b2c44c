import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

const addPartitionsToTxnTopic = wire.struct({
  name: wire.string,
  partitions: wire.array(wire.int32),
});

/** Takes partitions into a transaction; several transactions from version 4 (KIP-890). */
export const AddPartitionsToTxnRequest = message({
  name: "AddPartitionsToTxnRequest",
  key: 24,
  versions: "0-5",
  flexible: "3+",
  fields: {
    transactions: wire.since(
      4,
      wire.array({
        transactionalId: wire.string,
        producerId: wire.int64,
        producerEpoch: wire.int16,
        verifyOnly: wire.otherwise(wire.bool, false),
        topics: wire.array(addPartitionsToTxnTopic),
      }),
    ),
    v3AndBelowTransactionalId: wire.versions("0-3", wire.string),
    v3AndBelowProducerId: wire.versions("0-3", wire.int64),
    v3AndBelowProducerEpoch: wire.versions("0-3", wire.int16),
    v3AndBelowTopics: wire.versions("0-3", wire.array(addPartitionsToTxnTopic)),
  },
});

const addPartitionsToTxnPartitionResult = wire.struct({
  partitionIndex: wire.int32,
  partitionErrorCode: wire.int16,
});

const addPartitionsToTxnTopicResult = wire.struct({
  name: wire.string,
  resultsByPartition: wire.array(addPartitionsToTxnPartitionResult),
});

/** One error for each partition. */
export const AddPartitionsToTxnResponse = message({
  name: "AddPartitionsToTxnResponse",
  key: 24,
  versions: "0-5",
  flexible: "3+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.since(4, wire.int16, 0, wire.ignorable),
    resultsByTransaction: wire.since(
      4,
      wire.array({
        transactionalId: wire.string,
        topicResults: wire.array(addPartitionsToTxnTopicResult),
      }),
    ),
    resultsByTopicV3AndBelow: wire.versions("0-3", wire.array(addPartitionsToTxnTopicResult)),
  },
});
