import type { Checker } from "./checker.ts";

/**
 * In a generation of a group each partition is one member's. A coordinator that is alone with a
 * rotten copy passes over what it can not read: a group may begin anew then, with other members.
 */
export const oneOwner: Checker = (history) => {
  const owners = new Map<string, string>();
  const complaints: string[] = [];
  let count = 0;
  let mayBeginAnew = false;
  for (const event of history) {
    if (event.kind === "groupsRotted") mayBeginAnew = true;
    if (event.kind !== "owns") continue;
    const { group, generation, member } = event;
    for (const partition of event.partitions) {
      count += 1;
      const place = `${group}, generation ${generation}, ${partition}`;
      const before = owners.get(place) ?? member;
      if (before === member) owners.set(place, member);
      else if (mayBeginAnew) {
        mayBeginAnew = false;
        owners.clear();
        owners.set(place, member);
      } else complaints.push(`${place}: is ${before}'s and ${member}'s`);
    }
  }
  return { complaints, count };
};
