import { XylemError } from "../../../base/errors.ts";
import type { Coordinator } from "../../ports/coordinator.ts";
import { nodesPrefix } from "./node-entry.ts";
import { seatsPrefix } from "./seat-entry.ts";

/** Ids that were taken here; one that nobody came to use is not given out again. */
const takenPrefix = "node-ids/";
/** Several nodes may start at once; each round one of them wins. */
const roundsMax = 1_000;

/** A number for a node that has none: the least that no node of this cluster has, or had so. */
export async function takeNodeId(coordinator: Coordinator, directory: string): Promise<number> {
  for (let round = 0; round < roundsMax; round += 1) {
    const reading = [takenPrefix, seatsPrefix, nodesPrefix].map((prefix) =>
      coordinator.read(prefix),
    );
    const states = await Promise.all(reading);
    const keys = states.flatMap(({ entries }) => entries.map(({ key }) => key));
    const taken = new Set(keys.map((key) => Number(key.slice(key.indexOf("/") + 1))));
    let id = 1;
    while (taken.has(id)) id += 1;
    const key = `${takenPrefix}${id}`;
    const compares = [key, `${seatsPrefix}${id}`].map((one) => ({ key: one, revision: 0 }));
    const value = JSON.stringify({ directory });
    if ((await coordinator.transact(compares, [{ key, value }])) !== undefined) return id;
  }
  throw new XylemError("COORDINATOR_NOT_AVAILABLE", "No node id could be taken");
}
