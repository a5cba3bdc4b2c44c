import { changeConfigs } from "../../../broker/configs/alter-resource-configs.ts";
import { type ConfigResource, describeConfigs } from "../../../broker/configs/config-resource.ts";
import { answersJson, type HttpScope, type Route, route } from "../route.ts";
import { configList } from "../schemas/administration.ts";
import { flag, object, oneOf, text } from "../schemas/schema.ts";
import { configChanges } from "../schemas/topic.ts";
import { changesOf } from "./topics.ts";

const tag = "Configs";
const path = "/v1/configs/{kind}/{name}";
const kinds = { topics: "topic", brokers: "broker", groups: "group" } as const;
const params = {
  kind: oneOf(["topics", "brokers", "groups"]),
  name: text({
    description: "A topic, a group, a node's id, or `default`: of all nodes.",
    maxLength: 249,
  }),
};
const problems = { 400: "A name or value is invalid.", 404: "There is no such topic." };

const node = route({
  method: "GET",
  path: "/v1/configs",
  tag,
  summary: "The settings of the node that answers.",
  answers: { 200: answersJson("All of them.", configList) },
  handle: (scope) => {
    return answer(scope, { kind: "broker", name: String(scope.broker.identity.nodeId) });
  },
});

const read = route({
  method: "GET",
  path,
  tag,
  summary: "The configs of a topic, a group, a node or all nodes, and where they come from.",
  params,
  answers: { 200: answersJson("All of them; of all nodes those that are set.", configList) },
  problems,
  handle: (scope, call) => answer(scope, resourceOf(call.params)),
});

const change = route({
  method: "PATCH",
  path,
  tag,
  summary: "Changes configs, all or none of those named.",
  params,
  query: { "validate-only": flag({ description: "Whether they are only checked." }) },
  body: { json: object({ configs: configChanges }) },
  answers: { 200: answersJson("As they are now.", configList) },
  problems,
  handle: async (scope, { params: named, query, body }) => {
    const resource = resourceOf(named);
    const validateOnly = query["validate-only"] ?? false;
    await changeConfigs(scope.broker, resource, changesOf(body.configs), { validateOnly });
    return answer(scope, resource);
  },
});

function resourceOf({ kind, name }: { kind: keyof typeof kinds; name: string }): ConfigResource {
  const isAllNodes = kind === "brokers" && name === "default";
  return { kind: kinds[kind], name: isAllNodes ? "" : name };
}

function answer({ broker }: HttpScope, resource: ConfigResource) {
  const configs = describeConfigs(resource, broker).map((one) => {
    const { name, value, source, type, isReadOnly, isSensitive, help, synonyms } = one;
    return { name, value, source, type, isReadOnly, isSensitive, help, synonyms };
  });
  return { status: 200, json: { configs } };
}

export const configRoutes: readonly Route[] = [node, read, change];
