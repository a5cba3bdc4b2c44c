import { answersJson, type Route, route } from "../route.ts";
import { cluster } from "../schemas/administration.ts";

const describe = route({
  method: "GET",
  path: "/v1/cluster",
  tag: "Node",
  summary: "The cluster and its nodes.",
  answers: { 200: answersJson("Today a cluster is one node.", cluster) },
  handle: ({ broker, node }) => {
    const { clusterId, nodeId, rack } = broker.identity;
    const topics = broker.topics.list();
    const partitions = topics.reduce((sum, topic) => sum + topic.partitions.length, 0);
    const status = node.isReady() ? "serving" : "stopping";
    const self = { nodeId, rack, status, topics: topics.length, partitions };
    return { status: 200, json: { clusterId, controllerId: nodeId, nodes: [self] } };
  },
});

export const clusterRoutes: readonly Route[] = [describe];
