import type { Checker } from "./checker.ts";

/** In a generation of a group each partition is one member's. */
export const oneOwner: Checker = (history) => {
  const owners = new Map<string, string>();
  const complaints: string[] = [];
  let count = 0;
  for (const event of history) {
    if (event.kind !== "owns") continue;
    const { group, generation, member } = event;
    for (const partition of event.partitions) {
      count += 1;
      const place = `${group}, generation ${generation}, ${partition}`;
      const before = owners.get(place) ?? member;
      owners.set(place, before);
      if (before !== member) complaints.push(`${place}: is ${before}'s and ${member}'s`);
    }
  }
  return { complaints, count };
};
