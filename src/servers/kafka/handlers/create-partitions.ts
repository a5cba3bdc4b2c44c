import { XylemError } from "../../../base/errors.ts";
import { inParallel } from "../../../base/in-parallel.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { expectXylemError } from "../errors.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"CreatePartitions">;
type Response = ResponseOf<"CreatePartitions">;
type WantedTopic = Request["topics"][number];
type TopicAnswer = Response["results"][number];

/** Topics of one request that grow side by side, sharing the coordinator's flushes. */
const parallelMax = 256;

/** CreatePartitions (key 37): grows topics, each by itself. */
export async function createPartitions(
  { topics, validateOnly }: Request,
  { broker }: RequestContext,
): Promise<Response> {
  const once = new Map<string, WantedTopic>();
  const repeated = new Set<string>();
  for (const wanted of topics) {
    if (once.has(wanted.name)) repeated.add(wanted.name);
    once.set(wanted.name, wanted);
  }
  const grow = async ({ name, count, assignments }: WantedTopic): Promise<TopicAnswer> => {
    try {
      if (repeated.has(name)) throw new XylemError("INVALID_REQUEST", "Duplicate topic name.");
      await broker.topics.addPartitions(name, count, {
        assignments: assignments?.map(({ brokerIds }) => brokerIds),
        validateOnly,
      });
      return { name, errorCode: 0 };
    } catch (error) {
      const { kafka: errorCode, message: errorMessage } = expectXylemError(error);
      return { name, errorCode, errorMessage };
    }
  };
  return { results: await inParallel([...once.values()], parallelMax, grow) };
}
