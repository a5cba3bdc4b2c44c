import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for quotas of the entities that match. */
export const DescribeClientQuotasRequest = message({
  name: "DescribeClientQuotasRequest",
  key: 48,
  versions: "0-1",
  flexible: "1+",
  fields: {
    components: wire.array({
      entityType: wire.string,
      matchType: wire.int8,
      match: wire.nullableString,
    }),
    strict: wire.bool,
  },
});

/** The quotas; null entries mean none were looked for. */
export const DescribeClientQuotasResponse = message({
  name: "DescribeClientQuotasResponse",
  key: 48,
  versions: "0-1",
  flexible: "1+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    errorCode: wire.int16,
    errorMessage: wire.nullableString,
    entries: wire.nullable(
      wire.array({
        entity: wire.array({
          entityType: wire.string,
          entityName: wire.nullableString,
        }),
        values: wire.array({
          key: wire.string,
          value: wire.float64,
        }),
      }),
    ),
  },
});
