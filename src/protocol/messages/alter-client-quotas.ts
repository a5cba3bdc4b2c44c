import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Sets or removes quotas. */
export const AlterClientQuotasRequest = message({
  name: "AlterClientQuotasRequest",
  key: 49,
  versions: "0-1",
  flexible: "1+",
  fields: {
    entries: wire.array({
      entity: wire.array({
        entityType: wire.string,
        entityName: wire.nullableString,
      }),
      ops: wire.array({
        key: wire.string,
        value: wire.float64,
        remove: wire.bool,
      }),
    }),
    validateOnly: wire.bool,
  },
});

/** One error for each entity. */
export const AlterClientQuotasResponse = message({
  name: "AlterClientQuotasResponse",
  key: 49,
  versions: "0-1",
  flexible: "1+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    entries: wire.array({
      errorCode: wire.int16,
      errorMessage: wire.nullableString,
      entity: wire.array({
        entityType: wire.string,
        entityName: wire.nullableString,
      }),
    }),
  },
});
