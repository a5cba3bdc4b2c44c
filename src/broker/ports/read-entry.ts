import type { Coordinator, CoordinatorEntry } from "./coordinator.ts";

/** The newest entry of one key; undefined: there is none. Throws what `read` does. */
export async function readEntry(
  coordinator: Pick<Coordinator, "read">,
  key: string,
): Promise<CoordinatorEntry | undefined> {
  // Keys that are longer begin with it.
  const { entries } = await coordinator.read(key);
  return entries.find((entry) => entry.key === key);
}
