import { replaceConfigs } from "../../../broker/configs/alter-resource-configs.ts";
import type { RequestOf, ResponseOf } from "../../../protocol/api-table.ts";
import { alterEach } from "../alter-each.ts";
import type { RequestContext } from "../handler.ts";

type Request = RequestOf<"AlterConfigs">;
type Response = ResponseOf<"AlterConfigs">;

/** AlterConfigs (key 33), the older form: what a resource is not given goes back to its default. */
export async function alterConfigs(
  { resources, validateOnly }: Request,
  { broker }: RequestContext,
): Promise<Response> {
  const responses = await alterEach(resources, ({ configs }, resource) =>
    replaceConfigs(broker, resource, configs, { validateOnly }),
  );
  return { responses };
}
