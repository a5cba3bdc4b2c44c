import { formatUuid } from "../../../base/uuid.ts";
import { XylemError } from "../../../base/errors.ts";
import type { ConfigChange } from "../../../broker/configs/change-configs.ts";
import { changeTopic } from "../../../broker/topics/change-topic.ts";
import { deleteTopic } from "../../../broker/topics/delete-topic.ts";
import { describeTopic } from "../../../broker/topics/describe-topic.ts";
import { ensureTopic } from "../../../broker/topics/ensure-topic.ts";
import { pageTopics, topicPageInitial, topicPageMax } from "../../../broker/topics/page-topics.ts";
import type { Topic } from "../../../broker/topics/topics.ts";
import { Refusal } from "../refusal.ts";
import { answersJson, type HttpScope, type Route, route } from "../route.ts";
import { flag, integer, text } from "../schemas/schema.ts";
import { newTopic, topicChange, topicDescription, topicName, topicPage } from "../schemas/topic.ts";

const tag = "Topics";
const path = "/v1/topics/{topic}";
const params = { topic: topicName };

const listTopics = route({
  method: "GET",
  path: "/v1/topics",
  tag,
  summary: "Lists topics by name, a page at a time.",
  query: {
    prefix: text({ description: "Only names that begin so.", maxLength: 249 }),
    after: text({ description: "Only names behind this one.", maxLength: 249 }),
    limit: integer({ minimum: 1, maximum: topicPageMax, default: topicPageInitial }),
    internal: flag({ description: "Whether the broker's own come too.", default: false }),
  },
  answers: { 200: answersJson("A page of topics.", topicPage) },
  handle: ({ broker }, { query }) => {
    const { prefix = "", after = "", limit = topicPageInitial, internal = false } = query;
    const { topics, next, isPartial } = pageTopics(broker, { prefix, after, limit, internal });
    return { status: 200, json: { topics: topics.map(listed), next: next ?? null, isPartial } };
  },
});

const ensure = route({
  method: "PUT",
  path,
  tag,
  summary: "Makes a topic, or makes sure that it is as named.",
  description:
    "What is not named may be anything in a topic that exists. `If-None-Match: *` insists on new.",
  params,
  headers: { "if-none-match": { type: "string", enum: ["*"] } },
  body: { json: newTopic },
  answers: {
    200: answersJson("It was there and agrees.", topicDescription),
    201: answersJson("It was made.", topicDescription),
  },
  problems: {
    400: "The name, a config or a count is invalid.",
    409: "It exists and differs: `differences`.",
    412: "It exists, and If-None-Match insists on new.",
  },
  handle: async (scope, { params: { topic: name }, body, headers }) => {
    const isNewWanted = headers["if-none-match"] === "*";
    if (isNewWanted && scope.broker.topics.find(name) !== undefined) throw notNew(name);
    const { partitions = -1, replicas = -1, configs = {} } = body;
    const texts = Object.entries(configs).map(([key, value]) => [key, String(value)] as const);
    const asked = { name, partitions, replicas, configs: new Map(texts) };
    const { topic, isNew } = await ensureTopic(scope.broker, asked);
    if (isNewWanted && !isNew) throw notNew(name);
    const location = `/v1/topics/${encodeURIComponent(name)}`;
    const json = await describe(scope, topic);
    return { status: isNew ? 201 : 200, json, headers: { location } };
  },
});

const read = route({
  method: "GET",
  path,
  tag,
  summary: "Describes a topic: offsets, bytes, configs, nodes.",
  params,
  query: { segments: flag({ description: "Whether its segments are listed.", default: false }) },
  answers: { 200: answersJson("The topic.", topicDescription) },
  problems: { 404: "There is no such topic." },
  handle: async (scope, { params: { topic: name }, query: { segments = false } }) => {
    return { status: 200, json: await describe(scope, find(scope, name), segments) };
  },
});

const change = route({
  method: "PATCH",
  path,
  tag,
  summary: "Changes configs of a topic, or adds partitions.",
  params,
  body: { json: topicChange },
  answers: { 200: answersJson("The topic as it is now.", topicDescription) },
  problems: { 400: "A config or the count is invalid.", 404: "There is no such topic." },
  handle: async (scope, { params: { topic: name }, body }) => {
    const configs = changesOf(body.configs ?? {});
    await changeTopic(scope.broker, { name, partitions: body.partitions, configs });
    return { status: 200, json: await describe(scope, find(scope, name)) };
  },
});

const remove = route({
  method: "DELETE",
  path,
  tag,
  summary: "Deletes a topic with all its records.",
  params,
  answers: { 204: { description: "It is gone." } },
  problems: { 404: "There is no such topic.", 409: "delete.topic.enable is false." },
  handle: async ({ broker }, { params: { topic } }) => {
    await deleteTopic(broker, topic);
    return { status: 204 };
  },
});

/** Changes of configs by name; null gives one back to its default. */
export function changesOf(
  configs: Readonly<Record<string, string | number | boolean | null>>,
): ConfigChange[] {
  return Object.entries(configs).map(([name, value]) =>
    value === null
      ? { name, operation: "delete", value: null }
      : { name, operation: "set", value: String(value) },
  );
}

function find({ broker }: HttpScope, name: string): Topic {
  const topic = broker.topics.find(name);
  if (topic !== undefined) return topic;
  throw new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `There is no topic ${name}`);
}

function describe({ broker }: HttpScope, topic: Topic, segments = false) {
  return describeTopic(topic, broker, { segments });
}

function listed({ name, id, isInternal, partitions }: Topic) {
  return { name, id: formatUuid(id), isInternal, partitions: partitions.length };
}

function notNew(name: string): Refusal {
  return new Refusal(412, `The topic ${name} exists.`, { code: "TOPIC_ALREADY_EXISTS" });
}

export const topicRoutes: readonly Route[] = [listTopics, ensure, read, change, remove];
