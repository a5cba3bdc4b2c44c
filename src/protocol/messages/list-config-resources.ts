import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for resources that have settings. */
export const ListConfigResourcesRequest = message({
  name: "ListConfigResourcesRequest",
  key: 74,
  versions: "0-1",
  flexible: "0+",
  fields: {
    resourceTypes: wire.since(1, wire.array(wire.int8)),
  },
});

/** Their names and types. */
export const ListConfigResourcesResponse = message({
  name: "ListConfigResourcesResponse",
  key: 74,
  versions: "0-1",
  flexible: "0+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    configResources: wire.array({
      resourceName: wire.string,
      resourceType: wire.since(1, wire.int8, 16, wire.ignorable),
    }),
  },
});
