import type { XylemError } from "../../base/errors.ts";
import type { ApiName, RequestOf, ResponseOf } from "../../protocol/api-table.ts";
import { groupErrorAnswers } from "./group-error-answers.ts";

/** Makes the answer to a request that failed as a whole. */
export type ErrorAnswer<Name extends ApiName> = (
  request: RequestOf<Name>,
  error: XylemError,
  version: number,
) => ResponseOf<Name>;

type ErrorAnswers = { readonly [Name in ApiName]: ErrorAnswer<Name> };

const electionErrorVersionMin = 1;
const fetchErrorVersionMin = 7;
const metadataErrorVersionMin = 13;
const metadataNullNameMin = 12;

/**
 * How each API says that a request failed as a whole: in its own error field, or, where there is
 * none, in that of every part of the answer (semantics.md, Common error rules).
 */
export const errorAnswers: ErrorAnswers = {
  ...groupErrorAnswers,

  AlterConfigs: (request, error) => ({
    responses: request.resources.map(({ resourceType, resourceName }) => ({
      errorCode: error.kafka,
      errorMessage: error.message,
      resourceType,
      resourceName,
    })),
  }),

  AlterPartitionReassignments: (_, error) => ({
    errorCode: error.kafka,
    errorMessage: error.message,
    responses: [],
  }),

  ApiVersions: (_, error) => ({ errorCode: error.kafka, apiKeys: [] }),

  CreatePartitions: (request, error) => ({
    results: request.topics.map(({ name }) => ({
      name,
      errorCode: error.kafka,
      errorMessage: error.message,
    })),
  }),

  CreateTopics: (request, error) => ({
    topics: request.topics.map(({ name }) => ({
      name,
      errorCode: error.kafka,
      errorMessage: error.message,
    })),
  }),

  DeleteRecords: (request, error) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        lowWatermark: -1,
        errorCode: error.kafka,
      })),
    })),
  }),

  DeleteTopics: (request, error) => {
    const errorMessage = error.message;
    const byName = request.topicNames.map((name) => ({ name, errorCode: error.kafka }));
    const byEither = request.topics.map(({ name, topicId }) => ({
      name,
      topicId,
      errorCode: error.kafka,
    }));
    return { responses: [...byName, ...byEither].map((one) => ({ ...one, errorMessage })) };
  },

  DescribeCluster: (_, error) => ({
    errorCode: error.kafka,
    errorMessage: error.message,
    clusterId: "",
    brokers: [],
  }),

  DescribeConfigs: (request, error) => ({
    results: request.resources.map(({ resourceType, resourceName }) => ({
      errorCode: error.kafka,
      errorMessage: error.message,
      resourceType,
      resourceName,
      configs: [],
    })),
  }),

  DescribeLogDirs: (_, error) => ({
    errorCode: error.kafka,
    results: [{ errorCode: error.kafka, logDir: "", topics: [] }],
  }),

  DescribeProducers: (request, error) => ({
    topics: request.topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({
        partitionIndex,
        errorCode: error.kafka,
        errorMessage: error.message,
        activeProducers: [],
      })),
    })),
  }),

  DescribeTopicPartitions: (request, error) => ({
    topics: request.topics.map(({ name }) => ({
      errorCode: error.kafka,
      name,
      topicId: new Uint8Array(16),
      partitions: [],
    })),
  }),

  ElectLeaders: (request, error, version) => ({
    errorCode: version >= electionErrorVersionMin ? error.kafka : 0,
    replicaElectionResults: (request.topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({
        partitionId,
        errorCode: error.kafka,
        errorMessage: error.message,
      })),
    })),
  }),

  Fetch: (request, error, version) => {
    if (version >= fetchErrorVersionMin) return { errorCode: error.kafka, responses: [] };
    const responses = request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({
        partitionIndex: partition,
        errorCode: error.kafka,
        highWatermark: -1,
        abortedTransactions: null,
        records: null,
      })),
    }));
    return { responses };
  },

  IncrementalAlterConfigs: (request, error) => ({
    responses: request.resources.map(({ resourceType, resourceName }) => ({
      errorCode: error.kafka,
      errorMessage: error.message,
      resourceType,
      resourceName,
    })),
  }),

  InitProducerId: (_, error) => ({ errorCode: error.kafka, producerEpoch: -1 }),

  ListOffsets: (request, error) => ({
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: error.kafka,
      })),
    })),
  }),

  ListPartitionReassignments: (_, error) => ({
    errorCode: error.kafka,
    errorMessage: error.message,
    topics: [],
  }),

  Metadata: (request, error, version) => {
    const errorCode = version >= metadataErrorVersionMin ? error.kafka : 0;
    const topics = (request.topics ?? []).map(({ name, topicId }) => ({
      errorCode: error.kafka,
      name: version >= metadataNullNameMin ? name : (name ?? ""),
      topicId,
      partitions: [],
    }));
    return { brokers: [], topics, errorCode };
  },

  OffsetForLeaderEpoch: (request, error) => ({
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => ({ partition, errorCode: error.kafka })),
    })),
  }),

  UpdateFeatures: (request, { kafka: errorCode, message: errorMessage }) => ({
    errorCode,
    errorMessage,
    results: request.featureUpdates.map(({ feature }) => ({ feature, errorCode, errorMessage })),
  }),

  Produce: (request, error) => ({
    responses: request.topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({
        index,
        errorCode: error.kafka,
        baseOffset: -1,
        errorMessage: error.message,
      })),
    })),
  }),
};
