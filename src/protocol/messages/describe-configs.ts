import { message } from "../schema/message.ts";
import { wire } from "../schema/wire.ts";

/** Asks for settings of topics, brokers, groups. */
export const DescribeConfigsRequest = message({
  name: "DescribeConfigsRequest",
  key: 32,
  versions: "1-4",
  flexible: "4+",
  fields: {
    resources: wire.array({
      resourceType: wire.int8,
      resourceName: wire.string,
      configurationKeys: wire.nullable(wire.array(wire.string)),
    }),
    includeSynonyms: wire.otherwise(wire.bool, false),
    includeDocumentation: wire.since(3, wire.bool, false),
  },
});

/** Settings with value, default and source. */
export const DescribeConfigsResponse = message({
  name: "DescribeConfigsResponse",
  key: 32,
  versions: "1-4",
  flexible: "4+",
  fields: {
    throttleTimeMs: wire.otherwise(wire.int32, 0),
    results: wire.array({
      errorCode: wire.int16,
      errorMessage: wire.nullableString,
      resourceType: wire.int8,
      resourceName: wire.string,
      configs: wire.array({
        name: wire.string,
        value: wire.nullableString,
        readOnly: wire.bool,
        configSource: wire.otherwise(wire.int8, -1),
        isSensitive: wire.bool,
        synonyms: wire.array({
          name: wire.string,
          value: wire.nullableString,
          source: wire.int8,
        }),
        configType: wire.since(3, wire.int8, 0, wire.ignorable),
        documentation: wire.since(3, wire.nullableString, "", wire.ignorable),
      }),
    }),
  },
});
