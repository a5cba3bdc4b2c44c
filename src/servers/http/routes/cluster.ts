import { describeNodes } from "../../../broker/cluster/describe-nodes.ts";
import { controllerIdOf } from "../../../broker/cluster/partition-place.ts";
import { answersJson, type Route, route } from "../route.ts";
import { cluster } from "../schemas/administration.ts";

const describe = route({
  method: "GET",
  path: "/v1/cluster",
  tag: "Node",
  summary: "The cluster and its nodes.",
  answers: { 200: answersJson("As the node that answers knows it.", cluster) },
  handle: ({ broker, node }) => {
    const { clusterId, nodeId } = broker.identity;
    const topics = broker.topics.list();
    const partitions = topics.reduce((sum, topic) => sum + topic.partitions.length, 0);
    const nodes = describeNodes(broker).map((one) => {
      const isStopping = one.nodeId === nodeId && !node.isReady();
      return isStopping ? { ...one, status: "stopping" } : one;
    });
    const sums = { topics: topics.length, partitions };
    const controllerId = controllerIdOf(broker);
    return { status: 200, json: { clusterId, nodeId, controllerId, ...sums, nodes } };
  },
});

export const clusterRoutes: readonly Route[] = [describe];
