import { inParallel } from "../../../base/in-parallel.ts";
import { alterReassignment } from "../../../broker/reassignment/alter-reassignment.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { expectXylemError } from "../errors.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"AlterPartitionReassignments">;
type Response = ResponseOf<"AlterPartitionReassignments">;
type PartitionAnswer = Response["responses"][number]["partitions"][number];

/** Partitions of one topic that are written side by side. */
const parallelMax = 16;

/**
 * AlterPartitionReassignments (key 45, KIP-455): begins or cancels moves, each partition by itself.
 * It is answered once the move is written down, not once it is done.
 */
export async function alterPartitionReassignments(
  { topics, allowReplicationFactorChange }: Request,
  { broker }: RequestContext,
): Promise<Response> {
  const responses: Response["responses"][number][] = [];
  for (const { name, partitions } of topics) {
    const answers = await inParallel(partitions, parallelMax, async (wanted) => {
      const { partitionIndex, replicas } = wanted;
      const answer = (errorCode: number, errorMessage: string | null): PartitionAnswer => {
        return { partitionIndex, errorCode, errorMessage };
      };
      try {
        const mayResize = allowReplicationFactorChange;
        const ask = { topic: name, partition: partitionIndex, replicas, mayResize };
        await alterReassignment(broker, ask);
        return answer(0, null);
      } catch (error) {
        const { kafka, message } = expectXylemError(error);
        return answer(kafka, message);
      }
    });
    responses.push({ name, partitions: answers });
  }
  return { allowReplicationFactorChange, errorCode: 0, errorMessage: null, responses };
}
