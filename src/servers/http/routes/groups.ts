import type { XylemError } from "../../../base/errors.ts";
import { describeGroup, listGroups } from "../../../broker/groups/describe-group.ts";
import {
  deleteGroup,
  forgetGroupPositions,
  groupPositions,
  resetGroup,
} from "../../../broker/groups/pull/group-positions.ts";
import { parsePosition } from "../../../broker/records/position.ts";
import { ackAsMember, fetchAsMember, leaveAsMember } from "../groups/member-calls.ts";
import { answersJson, type HttpScope, type Route, route } from "../route.ts";
import * as schemas from "../schemas/group.ts";
import { partitionIndex, topicName } from "../schemas/topic.ts";

const tag = "Groups";
const path = "/v1/groups/{group}";
const params = { group: schemas.groupName };
const absent = "There is no such group.";

const list = route({
  method: "GET",
  path: "/v1/groups",
  tag,
  summary: "Lists groups by name, Kafka's among them.",
  description: "What nodes can not tell of now is missing, and `isPartial` says so.",
  answers: { 200: answersJson("Those that the nodes tell of.", schemas.groupList) },
  handle: async (scope) => {
    const listed = await listGroups((await loaded(scope)).broker);
    const groups = listed.groups.map(({ group, type, state, protocolType }) => ({
      group,
      kind: type,
      state,
      protocolType,
    }));
    const missing = listed.missing.map(({ node, error }) => ({ node, why: whyOf(error) }));
    return { status: 200, json: { groups, isPartial: listed.isPartial, missing } };
  },
});

function whyOf({ code, message }: XylemError): string {
  return `${code}: ${message}`;
}

const read = route({
  method: "GET",
  path,
  tag,
  summary: "Describes a group and its members.",
  params,
  answers: { 200: answersJson("The group.", schemas.groupDescription) },
  problems: { 404: absent },
  handle: async (scope, call) => {
    const { broker } = await loaded(scope);
    return { status: 200, json: await describeGroup(broker, call.params.group) };
  },
});

const remove = route({
  method: "DELETE",
  path,
  tag,
  summary: "Deletes a group without members, with its offsets.",
  params,
  answers: { 204: { description: "It is gone." } },
  problems: { 404: absent, 409: "It has members." },
  handle: async (scope, call) => {
    await deleteGroup((await loaded(scope)).broker, call.params.group);
    return { status: 204 };
  },
});

const fetch = route({
  method: "POST",
  path: `${path}/fetch`,
  tag,
  summary: "The next records for a member of a group; the first fetch joins it.",
  description:
    "Members of one group share the partitions of their topics. What is not acknowledged comes " +
    "again with the next fetch, unless it names the `cursor` of the records that it still has in " +
    "hand. Any node may be asked. A member that neither fetches nor acknowledges for the session " +
    "timeout (group.consumer.session.timeout.ms) is out, and its partitions go to the others.",
  params,
  body: { json: schemas.groupFetch },
  answers: { 200: answersJson("What there is.", schemas.groupFetched) },
  problems: {
    400: "A field is invalid.",
    404: "There is no such topic: a read makes none.",
    409: "Kafka's classic members are in the group, or the member got out of it meanwhile.",
  },
  handle: async (scope, call) => ({
    status: 200,
    headers: { "content-type": "application/json" },
    content: await fetchAsMember(scope, call.params.group, call.body, call),
    holds: "page",
  }),
});

const ack = route({
  method: "POST",
  path: `${path}/ack`,
  tag,
  summary: "Acknowledges records: they do not come again to anyone of the group.",
  description:
    "Commits exactly what is named, all or nothing: everything up to a `cursor`, or what is " +
    "below single `offsets`. Durable when it is answered. Refused when another member has a " +
    "partition meanwhile: that one gets the records again.",
  params,
  body: { json: schemas.groupAck },
  answers: { 200: answersJson("It is committed.", schemas.groupAcked) },
  problems: {
    400: "A field is invalid.",
    404: "There is no such topic or partition.",
    409: "The member is out of the group, or a partition is another one's meanwhile.",
    416: "An offset is past the end of its partition.",
  },
  handle: async (scope, { params: { group }, body }) => ({
    status: 200,
    json: await ackAsMember(scope, group, body),
  }),
});

const leave = route({
  method: "POST",
  path: `${path}/leave`,
  tag,
  summary: "Leaves a group: its partitions go to the others at once.",
  params,
  body: { json: schemas.groupMember },
  answers: { 204: { description: "It has left." } },
  problems: { 409: "It is not in the group." },
  handle: async (scope, { params: { group }, body }) => {
    await leaveAsMember(scope, group, body);
    return { status: 204 };
  },
});

const offsetsPath = `${path}/offsets`;

const readOffsets = route({
  method: "GET",
  path: offsetsPath,
  tag,
  summary: "How far a group is, and how far behind: Kafka's groups as well.",
  params,
  answers: { 200: answersJson("By topic and partition.", schemas.groupPositions) },
  problems: { 404: absent },
  handle: async (scope, { params: { group } }) => await positionsOf(scope, group),
});

const moveOffsets = route({
  method: "PUT",
  path: offsetsPath,
  tag,
  summary: "Moves a group that has no members; makes one that is not there.",
  params,
  body: { json: schemas.groupReset },
  answers: { 200: answersJson("Where it is now.", schemas.groupPositions) },
  problems: {
    400: "A field is invalid.",
    404: "There is no such topic or partition.",
    409: "It has members: they move it.",
    416: "An offset is not in the log.",
  },
  handle: async (scope, { params: { group }, body }) => {
    const { broker } = await loaded(scope);
    const wanted = body.offsets.map(({ topic, partition, offset }) => ({
      topic,
      partition,
      position: typeof offset === "number" ? offset : parsePosition(offset),
    }));
    await resetGroup(broker, group, wanted);
    return await positionsOf(scope, group);
  },
});

const forgetOffsets = route({
  method: "DELETE",
  path: offsetsPath,
  tag,
  summary: "Forgets how far a group is, in topics that none of its members reads.",
  params,
  query: { topic: topicName, partition: partitionIndex },
  answers: { 204: { description: "It is forgotten." } },
  problems: { 404: absent, 409: "Members of the group read the topic." },
  handle: async (scope, { params: { group }, query }) => {
    await forgetGroupPositions((await loaded(scope)).broker, group, query);
    return { status: 204 };
  },
});

async function positionsOf(scope: HttpScope, group: string) {
  const { broker } = await loaded(scope);
  return { status: 200, json: { group, offsets: await groupPositions(broker, group) } };
}

/** A node that serves no groups has not read them. */
async function loaded(scope: HttpScope): Promise<HttpScope> {
  await scope.loadGroups();
  return scope;
}

export const groupRoutes: readonly Route[] = [
  list,
  read,
  remove,
  fetch,
  ack,
  leave,
  readOffsets,
  moveOffsets,
  forgetOffsets,
];
