import {
  configureBucket,
  describeBucket,
  listBuckets,
} from "../../../broker/buckets/change-bucket.ts";
import { deleteBucket } from "../../../broker/buckets/delete-bucket.ts";
import { ensureBucket } from "../../../broker/buckets/ensure-bucket.ts";
import { answersJson, type Route, route } from "../route.ts";
import {
  bucket as bucketSchema,
  bucketList,
  bucketName,
  newBucket,
} from "../schemas/administration.ts";
import { object, oneOf } from "../schemas/schema.ts";
import { configChanges } from "../schemas/topic.ts";
import { changesOf } from "./topics.ts";

const tag = "Buckets";
const path = "/v1/buckets/{bucket}";
const params = { bucket: bucketName };
const absent = "There is no such bucket.";

const list = route({
  method: "GET",
  path: "/v1/buckets",
  tag,
  summary: "Lists buckets by name.",
  answers: { 200: answersJson("All of them.", bucketList) },
  handle: ({ broker }) => ({ status: 200, json: { buckets: listBuckets(broker) } }),
});

const ensure = route({
  method: "PUT",
  path,
  tag,
  summary: "Makes a bucket, or makes sure that it has the configs named.",
  params,
  body: { json: newBucket },
  answers: {
    200: answersJson("It was there and agrees.", bucketSchema),
    201: answersJson("It was made.", bucketSchema),
  },
  problems: { 400: "The name or a config is invalid.", 409: "It differs: `differences`." },
  handle: async ({ broker }, { params: { bucket: name }, body }) => {
    const texts = Object.entries(body.configs ?? {}).map(
      ([config, value]) => [config, String(value)] as const,
    );
    const { bucket, isNew } = await ensureBucket(broker, name, new Map(texts));
    const location = `/v1/buckets/${encodeURIComponent(name)}`;
    return { status: isNew ? 201 : 200, json: bucket, headers: { location } };
  },
});

const read = route({
  method: "GET",
  path,
  tag,
  summary: "Describes a bucket.",
  params,
  answers: { 200: answersJson("The bucket.", bucketSchema) },
  problems: { 404: absent },
  handle: ({ broker }, call) => ({
    status: 200,
    json: describeBucket(broker, call.params.bucket),
  }),
});

const change = route({
  method: "PATCH",
  path,
  tag,
  summary: "Changes configs of a bucket, and so of its topics.",
  params,
  body: { json: object({ configs: configChanges }) },
  answers: { 200: answersJson("The bucket as it is now.", bucketSchema) },
  problems: { 400: "A config is invalid.", 404: absent },
  handle: async ({ broker }, { params: { bucket: name }, body }) => ({
    status: 200,
    json: await configureBucket(broker, name, changesOf(body.configs)),
  }),
});

const remove = route({
  method: "DELETE",
  path,
  tag,
  summary: "Deletes a bucket; `topics=delete` deletes its topics with it.",
  params,
  query: { topics: oneOf(["delete"], { description: "What happens to the topics in it." }) },
  answers: { 204: { description: "It is gone." } },
  problems: { 404: absent, 409: "It holds topics, and nothing is said of them." },
  handle: async ({ broker }, { params: { bucket: name }, query: { topics } }) => {
    await deleteBucket(broker, name, { withTopics: topics === "delete" });
    return { status: 204 };
  },
});

export const bucketRoutes: readonly Route[] = [list, ensure, read, change, remove];
