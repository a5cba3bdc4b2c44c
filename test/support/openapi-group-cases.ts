import type { HttpDoor } from "./http-door.ts";
import type { Case } from "./openapi-cases.ts";

const topic = "case.grouped";
const topics = [topic];
const path = "/v1/groups/case";

const makeTopic = (door: HttpDoor) =>
  door.ask("PUT", `/v1/topics/${topic}`, { body: { partitions: 1 } });

/** A group with the member "m". */
const join = async (door: HttpDoor) => {
  await makeTopic(door);
  await door.ask("POST", `${path}/fetch`, { body: { topics, member: "m" } });
};
/** A group without members. */
const idle = async (door: HttpDoor) => {
  await makeTopic(door);
  await door.ask("PUT", "/v1/groups/idle/offsets", { body: { offsets: [{ topic, offset: 0 }] } });
};
/** A group of a member that speaks Kafka's classic protocol. */
const joinClassic = async ({ broker }: HttpDoor) => {
  await broker.groups.join("classic", {
    clientId: "case",
    clientHost: "",
    memberId: "",
    instanceId: null,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    protocolType: "consumer",
    protocols: [{ name: "range", metadata: new Uint8Array() }],
    requiresKnownMemberId: false,
    supportsSkippingAssignment: true,
  });
};
const at = (offset: number, partition = 0) => [{ topic, partition, offset }];

/** The calls of groups, as of `cases`. */
export const groupCases: Readonly<Record<string, Readonly<Record<number, Case>>>> = {
  "GET /v1/groups": { 200: { path: "/v1/groups", before: join } },
  "GET /v1/groups/{group}": {
    200: { path, before: join },
    404: { path: "/v1/groups/none" },
  },
  "POST /v1/groups/{group}/fetch": {
    200: { path: `${path}/fetch`, body: { topics, member: "m" }, before: makeTopic },
    404: { path: `${path}/fetch`, body: { topics: ["case.none"] } },
    409: { path: "/v1/groups/classic/fetch", body: { topics }, before: joinClassic },
  },
  "POST /v1/groups/{group}/ack": {
    200: { path: `${path}/ack`, body: { member: "m", offsets: at(0) }, before: join },
    404: { path: `${path}/ack`, body: { member: "m", offsets: at(0, 9) }, before: join },
    409: { path: `${path}/ack`, body: { member: "gone", offsets: at(0) }, before: join },
    416: { path: `${path}/ack`, body: { member: "m", offsets: at(999) }, before: join },
  },
  "POST /v1/groups/{group}/leave": {
    204: { path: `${path}/leave`, body: { member: "m" }, before: join },
    409: { path: `${path}/leave`, body: { member: "gone" } },
  },
  "GET /v1/groups/{group}/offsets": {
    200: { path: `${path}/offsets`, before: join },
    404: { path: "/v1/groups/none/offsets" },
  },
  "PUT /v1/groups/{group}/offsets": {
    200: {
      path: "/v1/groups/idle/offsets",
      body: { offsets: [{ topic, offset: "latest" }] },
      before: makeTopic,
    },
    404: {
      path: "/v1/groups/idle/offsets",
      body: { offsets: [{ topic: "case.none", offset: 0 }] },
    },
    409: { path: `${path}/offsets`, body: { offsets: at(0) }, before: join },
    416: { path: "/v1/groups/idle/offsets", body: { offsets: at(999) }, before: makeTopic },
  },
  "DELETE /v1/groups/{group}/offsets": {
    204: { path: "/v1/groups/idle/offsets", before: idle },
    404: { path: "/v1/groups/none/offsets" },
    409: { path: `${path}/offsets`, before: join },
  },
  "DELETE /v1/groups/{group}": {
    204: { path: "/v1/groups/idle", before: idle },
    404: { path: "/v1/groups/none" },
    409: { path, before: join },
  },
};
