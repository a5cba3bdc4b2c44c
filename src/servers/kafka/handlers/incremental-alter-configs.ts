import { changeConfigs } from "../../../broker/configs/alter-resource-configs.ts";
import type { ConfigOperation } from "../../../broker/configs/change-configs.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { alterEach } from "../alter-each.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"IncrementalAlterConfigs">;
type Response = ResponseOf<"IncrementalAlterConfigs">;

/** By their numbers on the wire (KIP-339). */
const operations: readonly ConfigOperation[] = ["set", "delete", "append", "subtract"];

/** IncrementalAlterConfigs (key 44): changes of single configs; all or nothing per resource. */
export async function incrementalAlterConfigs(
  { resources, validateOnly }: Request,
  { broker }: RequestContext,
): Promise<Response> {
  const responses = await alterEach(resources, ({ configs }, resource) =>
    changeConfigs(
      broker,
      resource,
      configs.map(({ name, configOperation, value }) => {
        return { name, operation: operations[configOperation], value };
      }),
      { validateOnly },
    ),
  );
  return { responses };
}
