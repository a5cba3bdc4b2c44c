import { XylemError } from "../../../base/errors.ts";
import { inParallel } from "../../../base/in-parallel.ts";
import { formatUuid, isZeroUuid, type Uuid, zeroUuid } from "../../../base/uuid.ts";
import type { Topic, Topics } from "../../../broker/topics/topics.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { expectXylemError } from "../errors.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"DeleteTopics">;
type Response = ResponseOf<"DeleteTopics">;
type TopicAnswer = Response["responses"][number];

/** A topic as the request names it: by name, or by id. */
interface Wanted {
  readonly name: string | null;
  readonly topicId: Uuid;
}

/** Topics of one request that are deleted side by side, sharing the coordinator's flushes. */
const parallelMax = 256;

/** The first version whose clients know TOPIC_DELETION_DISABLED. */
const firstVersionOfDisabled = 3;

/** DeleteTopics (key 20): by name, or by id from version 6; internal topics too. */
export async function deleteTopics(
  request: Request,
  { broker, apiVersion }: RequestContext,
): Promise<Response> {
  if (!broker.settings["delete.topic.enable"]) {
    const code =
      apiVersion < firstVersionOfDisabled ? "INVALID_REQUEST" : "TOPIC_DELETION_DISABLED";
    throw new XylemError(code, "This cluster has topic deletion disabled.");
  }
  const byName = request.topicNames.map((name): Wanted => ({ name, topicId: zeroUuid }));
  const wanted: readonly Wanted[] = [...byName, ...request.topics];
  const repeated = findRepeated(wanted, broker.topics);
  const once = new Map(wanted.map((one) => [keyOf(one), one]));
  const responses = await inParallel([...once.values()], parallelMax, (one) =>
    deleteTopic(one, repeated, broker.topics),
  );
  return { responses };
}

async function deleteTopic(
  wanted: Wanted,
  repeated: ReadonlySet<Topic | string>,
  topics: Topics,
): Promise<TopicAnswer> {
  const { name, topicId } = wanted;
  try {
    if ((name === null) === isZeroUuid(topicId)) {
      throw new XylemError("INVALID_REQUEST", "Either a topic's name or its id must be given.");
    }
    const topic = find(wanted, topics);
    if (repeated.has(keyOf(wanted)) || (topic !== undefined && repeated.has(topic))) {
      throw new XylemError("INVALID_REQUEST", "The topic is in the request more than once.");
    }
    if (topic === undefined) throw unknown(wanted);
    await topics.delete(topic.name, name === null ? topicId : undefined);
    return { name: topic.name, topicId: topic.id, errorCode: 0 };
  } catch (error) {
    const known = expectXylemError(error);
    // By its turn the name may be another topic's, which nobody asked to delete.
    const isGone = name === null && known.code === "UNKNOWN_TOPIC_OR_PARTITION";
    const { kafka: errorCode, message: errorMessage } = isGone ? unknown(wanted) : known;
    return { name, topicId, errorCode, errorMessage };
  }
}

/** What the request asks for twice: names and ids as they stand, and topics meant both ways. */
function findRepeated(wanted: readonly Wanted[], topics: Topics): ReadonlySet<Topic | string> {
  const seen = new Set<Topic | string>();
  const repeated = new Set<Topic | string>();
  for (const one of wanted) {
    for (const key of [keyOf(one), find(one, topics)]) {
      if (key === undefined) continue;
      if (seen.has(key)) repeated.add(key);
      seen.add(key);
    }
  }
  return repeated;
}

function find({ name, topicId }: Wanted, topics: Topics): Topic | undefined {
  return name === null ? topics.findById(topicId) : topics.find(name);
}

const keyOf = ({ name, topicId }: Wanted): string => `${name ?? ""}/${formatUuid(topicId)}`;

function unknown({ name, topicId }: Wanted): XylemError {
  return name === null
    ? new XylemError("UNKNOWN_TOPIC_ID", `No topic has the id ${formatUuid(topicId)}`)
    : new XylemError("UNKNOWN_TOPIC_OR_PARTITION", `There is no topic ${name}`);
}
