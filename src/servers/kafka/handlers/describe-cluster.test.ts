import { expect, test } from "vitest";
import { callKafka, rigClusterId, rigContext } from "../../../../test/support/kafka-call.ts";
import { openTopicRig } from "../../../../test/support/topic-rig.ts";
import { describeCluster } from "./describe-cluster.ts";

test.each([0, 1, 2])("version %i tells the node, which is the controller too", async (version) => {
  const at = { rig: await openTopicRig(), version };
  const request = { includeClusterAuthorizedOperations: version > 0 };
  const answer = await callKafka("DescribeCluster", describeCluster, request, at);
  expect(answer).toMatchObject({
    errorCode: 0,
    clusterId: rigClusterId,
    controllerId: 1,
    brokers: [{ brokerId: 1, host: "10.0.0.1", port: 9092, rack: null, isFenced: false }],
    clusterAuthorizedOperations: version > 0 ? 0b1_1111_1010_0000 : -2_147_483_648,
  });
});

test.each([
  [2, "MISMATCHED_ENDPOINT_TYPE"],
  [0, "UNSUPPORTED_ENDPOINT_TYPE"],
  [3, "UNSUPPORTED_ENDPOINT_TYPE"],
])("endpoints of type %i are refused: %s", async (endpointType, code) => {
  const context = rigContext(await openTopicRig(), 2);
  const request = {
    includeClusterAuthorizedOperations: false,
    endpointType,
    includeFencedBrokers: false,
  };
  expect(() => describeCluster(request, context)).toThrow(expect.objectContaining({ code }));
});
