import type { ErrorAnswer } from "./error-answers.ts";

const findCoordinatorBatchMin = 4;
const partitionErrorsOnlyMax = 1;

/** What the group APIs answer when a request failed as a whole. */
export const groupErrorAnswers = {
  DeleteGroups: ((request, error) => ({
    results: request.groupsNames.map((groupId) => ({
      groupId,
      errorCode: error.kafka,
      errorMessage: error.message,
    })),
  })) satisfies ErrorAnswer<"DeleteGroups">,

  DescribeGroups: ((request, error, version) => ({
    groups: request.groups.map((groupId) => ({
      errorCode: error.kafka,
      ...(version >= 6 ? { errorMessage: error.message } : {}),
      groupId,
      groupState: "",
      protocolType: "",
      protocolData: "",
      members: [],
    })),
  })) satisfies ErrorAnswer<"DescribeGroups">,

  FindCoordinator: ((request, error, version) => {
    const place = { nodeId: -1, host: "", port: -1 };
    const answer = { ...place, errorCode: error.kafka, errorMessage: error.message };
    if (version < findCoordinatorBatchMin) return answer;
    return { coordinators: request.coordinatorKeys.map((key) => ({ key, ...answer })) };
  }) satisfies ErrorAnswer<"FindCoordinator">,

  Heartbeat: ((_, error) => ({ errorCode: error.kafka })) satisfies ErrorAnswer<"Heartbeat">,

  JoinGroup: ((request, error) => ({
    errorCode: error.kafka,
    protocolName: "",
    leader: "",
    memberId: request.memberId,
    members: [],
  })) satisfies ErrorAnswer<"JoinGroup">,

  LeaveGroup: ((_, error) => ({ errorCode: error.kafka })) satisfies ErrorAnswer<"LeaveGroup">,

  ListGroups: ((_, error) => ({
    errorCode: error.kafka,
    groups: [],
  })) satisfies ErrorAnswer<"ListGroups">,

  OffsetCommit: ((request, error) => ({
    topics: request.topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: error.kafka,
      })),
    })),
  })) satisfies ErrorAnswer<"OffsetCommit">,

  OffsetDelete: ((_, error) => ({
    errorCode: error.kafka,
    topics: [],
  })) satisfies ErrorAnswer<"OffsetDelete">,

  /** One error for the group, or, before version 2, for each partition. */
  OffsetFetch: ((request, error, version) => {
    const errorCode = error.kafka;
    const nothing = { committedOffset: -1, metadata: "", errorCode };
    if (version > partitionErrorsOnlyMax) {
      const groups = request.groups.map(({ groupId }) => ({ groupId, topics: [], errorCode }));
      return { topics: [], errorCode, groups };
    }
    const topics = (request.topics ?? []).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => ({ partitionIndex, ...nothing })),
    }));
    return { topics };
  }) satisfies ErrorAnswer<"OffsetFetch">,

  SyncGroup: ((_, error) => ({
    errorCode: error.kafka,
    assignment: new Uint8Array(0),
  })) satisfies ErrorAnswer<"SyncGroup">,
};
