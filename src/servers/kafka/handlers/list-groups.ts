import { kafkaCode } from "../../../base/errors.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import type { RequestContext } from "../handler.ts";

/** ListGroups (key 16): filters compare without regard to case; an empty one lets all through. */
export function listGroups(
  request: RequestOf<"ListGroups">,
  { broker }: RequestContext,
): ResponseOf<"ListGroups"> {
  const { error, groups } = broker.groups.list();
  if (error !== null) return { errorCode: kafkaCode(error), groups: [] };
  const states = filterOf(request.statesFilter);
  const types = filterOf(request.typesFilter);
  return {
    errorCode: 0,
    groups: groups
      .filter(({ state, type }) => states(state) && types(type))
      .map(({ group, protocolType, state, type }) => ({
        groupId: group,
        protocolType,
        groupState: state,
        groupType: type,
      })),
  };
}

function filterOf(names: readonly string[]): (name: string) => boolean {
  const wanted = new Set(names.map((name) => name.trim().toLowerCase()));
  return (name) => wanted.size === 0 || wanted.has(name.toLowerCase());
}
