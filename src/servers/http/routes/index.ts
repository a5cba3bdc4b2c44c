import type { Route } from "../route.ts";
import { healthRoutes } from "./health.ts";
import { topicRoutes } from "./topics.ts";

/** Everything the HTTP door answers, in the order of the reference page. */
export const routes: readonly Route[] = [...topicRoutes, ...healthRoutes];
