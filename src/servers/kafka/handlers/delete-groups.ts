import { kafkaCode } from "../../../base/errors.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import type { RequestContext } from "../handler.ts";

/** DeleteGroups (key 42): empty groups with their offsets, each on its own. */
export async function deleteGroups(
  request: RequestOf<"DeleteGroups">,
  { broker }: RequestContext,
): Promise<ResponseOf<"DeleteGroups">> {
  const groups = [...new Set(request.groupsNames)];
  const errors = await Promise.all(groups.map((group) => broker.groups.delete(group)));
  return {
    results: groups.map((groupId, index) => {
      const error = errors[index] ?? null;
      return { groupId, errorCode: error === null ? 0 : kafkaCode(error) };
    }),
  };
}
