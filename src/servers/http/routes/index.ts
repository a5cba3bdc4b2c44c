import type { Route } from "../route.ts";
import { appendRoutes } from "./append-records.ts";
import { bucketRoutes } from "./buckets.ts";
import { clusterPlanRoutes } from "./cluster-plan.ts";
import { clusterRoutes } from "./cluster.ts";
import { configRoutes } from "./configs.ts";
import { groupRoutes } from "./groups.ts";
import { healthRoutes } from "./health.ts";
import { latestRoutes } from "./latest.ts";
import { manyRecordsRoutes } from "./many-records.ts";
import { oneRecordRoutes } from "./one-record.ts";
import { readRoutes } from "./read-records.ts";
import { referenceRoutes } from "./reference.ts";
import { socketRoutes } from "./socket.ts";
import { topicRoutes } from "./topics.ts";

/** Everything the HTTP door answers, in the order of the reference page. */
export const routes: readonly Route[] = [
  ...topicRoutes,
  ...appendRoutes,
  ...readRoutes,
  ...manyRecordsRoutes,
  ...socketRoutes,
  ...oneRecordRoutes,
  ...latestRoutes,
  ...groupRoutes,
  ...bucketRoutes,
  ...configRoutes,
  ...clusterRoutes,
  ...clusterPlanRoutes,
  ...healthRoutes,
  ...referenceRoutes,
];
