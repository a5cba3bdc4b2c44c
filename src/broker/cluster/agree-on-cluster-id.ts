import { XylemError } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import { formatUuid, makeUuid } from "../../base/uuid.ts";
import type { Coordinator } from "../ports/coordinator.ts";

const key = "cluster-id";

/**
 * The id that the cluster has; a new cluster gets the wanted one, or a random one where none is
 * wanted (""). Throws INCONSISTENT_CLUSTER_ID when it has another one.
 */
export async function agreeOnClusterId(
  coordinator: Coordinator,
  wanted: string,
  random: Random,
): Promise<string> {
  for (;;) {
    const { entries } = await coordinator.read(key);
    const found = entries.find((entry) => entry.key === key)?.value;
    if (found === undefined) {
      const value = wanted === "" ? formatUuid(makeUuid(random)) : wanted;
      // Of several first nodes one wins, and all look again.
      await coordinator.transact([{ key, revision: 0 }], [{ key, value }]);
      continue;
    }
    if (wanted === "" || wanted === found) return found;
    const detail = `the cluster's id is ${found}, cluster.id says ${wanted}`;
    throw new XylemError("INCONSISTENT_CLUSTER_ID", detail);
  }
}
