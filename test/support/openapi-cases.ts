import { anonymous } from "../../src/base/principal.ts";
import type { Topic } from "../../src/broker/topics/topics.ts";
import { batchTools } from "../../src/node/open-broker.ts";
import type { HttpDoor } from "./http-door.ts";
import { clusterCases } from "./openapi-cluster-cases.ts";
import { groupCases } from "./openapi-group-cases.ts";

/** A request that is answered with the status it is listed under. */
export interface Case {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | object;
  /** What must be there first. */
  readonly before?: (door: HttpDoor) => unknown;
  /** What is to be undone. */
  readonly after?: (door: HttpDoor) => unknown;
}

type Cases = Readonly<Record<number, Case>>;

const topic = "/v1/topics/case";
const json = { "content-type": "application/json" };
const list = { "content-type": "application/vnd.xylem.records+json" };
const patch = { "content-type": "application/json-patch+json" };
const base64 = '"encoding":"base64","headers":{"content-type":"application/octet-stream"}';
const makeTopic = (door: HttpDoor) => door.ask("PUT", topic, { body: { partitions: 1 } });
const makeBucket = (door: HttpDoor) => door.ask("PUT", "/v1/buckets/case", { body: {} });
const appendTo =
  (name: string, body: string, headers: Readonly<Record<string, string>> = json) =>
  (door: HttpDoor) =>
    door.ask("POST", `/v1/topics/${name}/records`, { headers, body });

const searchMax = "log.search.max.bytes";
const bindSearch = (door: HttpDoor, bytes: number): void => {
  (door.broker.settings as { [searchMax]: number })[searchMax] = bytes;
};
const answersMax = "http.answers.memory.max.bytes";
const bindAnswers = (door: HttpDoor, bytes: number): void => {
  (door.broker.settings as { [answersMax]: number })[answersMax] = bytes;
};
const withoutRoom: Pick<Case, "before" | "after"> = {
  before: (door) => bindAnswers(door, 1),
  after: (door) => bindAnswers(door, 1_000_000),
};

/** RFC 6455, 1.2. */
const handshake = {
  host: "localhost",
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};
const socketsMax = "websocket.connections.max";
const bindSockets = (door: HttpDoor, most: number): void => {
  (door.broker.settings as { [socketsMax]: number })[socketsMax] = most;
};

/** Its stream ends with the topic. */
const makeLiveTopic = async (door: HttpDoor): Promise<void> => {
  await door.broker.topics.autoCreate("case.live");
  // Of two cases in a row one finds it gone.
  const end = () => door.broker.topics.delete("case.live").catch(() => undefined);
  setTimeout(() => void end(), 200);
};

/** The first case of each operation is one where all goes well. */
export const cases: Readonly<Record<string, Cases>> = {
  "GET /v1/topics": { 200: { path: "/v1/topics?limit=1" } },
  "PUT /v1/topics/{topic}": {
    200: { path: topic, body: {}, before: makeTopic },
    201: { path: "/v1/topics/case.new", body: { configs: { "retention.ms": 1 } } },
    409: { path: topic, body: { partitions: 7 }, before: makeTopic },
    412: { path: topic, headers: { ...json, "if-none-match": "*" }, body: {}, before: makeTopic },
  },
  "GET /v1/topics/{topic}": {
    200: { path: `${topic}?segments=true`, before: makeTopic },
    404: { path: "/v1/topics/case.none" },
  },
  "PATCH /v1/topics/{topic}": {
    200: { path: topic, body: { configs: { "retention.ms": null } }, before: makeTopic },
    404: { path: "/v1/topics/case.none", body: {} },
  },
  "POST /v1/topics/{topic}/records": {
    201: { path: `${topic}/records`, headers: json, body: "{}" },
    202: { path: `${topic}/records?acks=0`, body: "x" },
    404: { path: `${topic}/records?partition=9`, body: "x" },
    409: {
      path: `${topic}/records`,
      headers: { "idempotency-key": "case-409" },
      body: "x",
      before: async (door) => {
        await makeTopic(door);
        const { broker } = door;
        const found = broker.topics.find("case") as Topic;
        const key = { scope: anonymous, key: "case-409" };
        broker.records.idempotency.begin({ broker, tools: batchTools }, found, key);
      },
    },
    412: { path: `${topic}/records`, headers: { "if-match": '"999"' }, body: "x" },
    422: {
      path: `${topic}/records`,
      headers: { "idempotency-key": "case-422" },
      body: "other",
      before: appendTo("case", "x", { "idempotency-key": "case-422" }),
    },
    415: {
      path: "/v1/topics/case.typed/records",
      headers: { "content-type": "text/plain" },
      body: "x",
      before: (door) =>
        door.ask("PUT", "/v1/topics/case.typed", {
          body: { configs: { "content.type": "application/json" } },
        }),
    },
  },
  "GET /v1/topics/{topic}/partitions/{partition}/records": {
    200: { path: `${topic}/partitions/0/records`, before: appendTo("case", "{}") },
    404: { path: `${topic}/partitions/9/records` },
    406: { path: `${topic}/partitions/0/records`, headers: { accept: "image/png" } },
    503: { path: `${topic}/partitions/0/records`, ...withoutRoom },
    416: { path: `${topic}/partitions/0/records?offset=999` },
  },
  "GET /v1/topics/{topic}/partitions/{partition}/records/{offset}": {
    200: {
      path: "/v1/topics/case.one/partitions/0/records/0",
      before: appendTo("case.one", "x", { "content-type": "application/octet-stream" }),
    },
    204: {
      path: "/v1/topics/case.gone/partitions/0/records/0",
      before: appendTo("case.gone", '{"records":[{"key":"k","value":null}]}', list),
    },
    404: { path: `${topic}/partitions/0/records/999` },
    503: { path: `${topic}/partitions/0/records/0`, ...withoutRoom },
  },
  "GET /v1/topics/{topic}/latest": {
    200: {
      path: "/v1/topics/case.keyed/latest?key=k",
      before: appendTo("case.keyed", `{"records":[{"key":"k","value":"AAA=",${base64}}]}`, list),
    },
    404: { path: "/v1/topics/case.keyed/latest?key=other" },
    422: {
      path: "/v1/topics/case.keyed/latest?key=other",
      before: (door) => bindSearch(door, 0),
      after: (door) => bindSearch(door, 1_000_000),
    },
    503: { path: "/v1/topics/case.keyed/latest?key=k", ...withoutRoom },
  },
  "PATCH /v1/topics/{topic}/records/latest": {
    201: {
      path: "/v1/topics/case.doc/records/latest",
      headers: patch,
      body: '[{"op":"add","path":"/a","value":1}]',
      before: appendTo("case.doc", "{}"),
    },
    404: { path: "/v1/topics/case.none/records/latest", headers: patch, body: "[]" },
    409: {
      path: "/v1/topics/case.doc/records/latest",
      headers: patch,
      body: '[{"op":"test","path":"/a","value":2}]',
    },
    415: { path: "/v1/topics/case.doc/records/latest", headers: json, body: "[]" },
    422: {
      path: "/v1/topics/case.text/records/latest",
      headers: patch,
      body: "[]",
      before: appendTo("case.text", "no JSON", { "content-type": "text/plain" }),
    },
  },
  "GET /v1/records": {
    200: {
      path: "/v1/records?topic=case.live",
      headers: { accept: "text/event-stream" },
      before: makeLiveTopic,
    },
    404: { path: "/v1/records?topic=case.none", headers: { accept: "text/event-stream" } },
    406: { path: "/v1/records?topic=case", headers: { accept: "image/png" } },
    503: { path: "/v1/records?topic=case&from=earliest", ...withoutRoom },
  },
  ...groupCases,
  "GET /v1/socket": {
    101: { path: "/v1/socket", headers: handshake },
    400: { path: "/v1/socket?no-such=1" },
    426: { path: "/v1/socket" },
    503: {
      path: "/v1/socket",
      headers: handshake,
      before: (door) => bindSockets(door, 0),
      after: (door) => bindSockets(door, 1_000),
    },
  },
  "GET /v1/buckets": { 200: { path: "/v1/buckets" } },
  "PUT /v1/buckets/{bucket}": {
    201: { path: "/v1/buckets/case-new", body: {} },
    200: { path: "/v1/buckets/case", body: {}, before: makeBucket },
    409: {
      path: "/v1/buckets/case",
      body: { configs: { "retention.ms": 3 } },
      before: makeBucket,
    },
  },
  "GET /v1/buckets/{bucket}": {
    200: { path: "/v1/buckets/case", before: makeBucket },
    404: { path: "/v1/buckets/none" },
  },
  "PATCH /v1/buckets/{bucket}": {
    200: { path: "/v1/buckets/case", body: { configs: {} }, before: makeBucket },
    404: { path: "/v1/buckets/none", body: { configs: { "retention.ms": 3 } } },
  },
  "DELETE /v1/buckets/{bucket}": {
    204: {
      path: "/v1/buckets/empty",
      before: (door) => door.ask("PUT", "/v1/buckets/empty", { body: {} }),
    },
    404: { path: "/v1/buckets/none" },
    409: { path: "/v1/buckets/case", before: appendTo("case.held", "{}") },
  },
  "GET /v1/configs": { 200: { path: "/v1/configs" } },
  "GET /v1/configs/{kind}/{name}": {
    200: { path: "/v1/configs/topics/case", before: makeTopic },
    404: { path: "/v1/configs/topics/case.none" },
  },
  "PATCH /v1/configs/{kind}/{name}": {
    200: { path: "/v1/configs/topics/case", body: { configs: {} }, before: makeTopic },
    404: { path: "/v1/configs/topics/case.none", body: { configs: {} } },
  },
  "GET /v1/cluster": { 200: { path: "/v1/cluster" } },
  ...clusterCases,
  "GET /healthz": { 200: { path: "/healthz" } },
  "GET /metrics": { 200: { path: "/metrics" } },
  "GET /openapi.json": { 200: { path: "/openapi.json" } },
  "GET /docs/api": { 200: { path: "/docs/api" } },
  "GET /readyz": {
    200: { path: "/readyz", before: (door) => (door.isReady = true) },
    503: { path: "/readyz", before: (door) => (door.isReady = false) },
  },
  "DELETE /v1/topics/{topic}": {
    204: { path: topic, before: makeTopic },
    404: { path: "/v1/topics/case.none" },
    409: {
      path: topic,
      before: async (door) => {
        await makeTopic(door);
        // From here on no topic is deleted.
        (door.broker.settings as { "delete.topic.enable": boolean })["delete.topic.enable"] = false;
      },
    },
  },
};
