import { describeConfigs as describeResource } from "../../../broker/configs/config-resource.ts";
import type { DescribedConfig } from "../../../broker/configs/described-config.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { configSourceNumbers, configTypeNumbers, resourceOf } from "../config-numbers.ts";
import { expectXylemError } from "../errors.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"DescribeConfigs">;
type Response = ResponseOf<"DescribeConfigs">;
type WantedResource = Request["resources"][number];
type ResourceAnswer = Response["results"][number];
type ConfigAnswer = ResourceAnswer["configs"][number];

/** DescribeConfigs (key 32): value, source and synonyms; unknown names are left out. */
export function describeConfigs(request: Request, context: RequestContext): Response {
  return { results: request.resources.map((wanted) => describe(wanted, request, context)) };
}

function describe(
  { resourceType, resourceName, configurationKeys }: WantedResource,
  request: Request,
  { broker }: RequestContext,
): ResourceAnswer {
  const echoed = { resourceType, resourceName };
  try {
    const configs = describeResource(resourceOf(resourceType, resourceName), broker);
    const wanted = configurationKeys === null ? undefined : new Set(configurationKeys);
    return {
      ...echoed,
      errorCode: 0,
      errorMessage: null,
      configs: configs
        .filter(({ name }) => wanted === undefined || wanted.has(name))
        .map((config) => answer(config, request)),
    };
  } catch (error) {
    const { kafka: errorCode, message: errorMessage } = expectXylemError(error);
    return { ...echoed, errorCode, errorMessage, configs: [] };
  }
}

function answer(config: DescribedConfig, request: Request): ConfigAnswer {
  const synonyms = request.includeSynonyms ? config.synonyms : [];
  return {
    name: config.name,
    value: config.value,
    readOnly: config.isReadOnly,
    configSource: configSourceNumbers[config.source],
    isSensitive: config.isSensitive,
    synonyms: synonyms.map(({ name, value, source }) => ({
      name,
      value,
      source: configSourceNumbers[source],
    })),
    configType: configTypeNumbers[config.type],
    documentation: request.includeDocumentation ? config.help : null,
  };
}
