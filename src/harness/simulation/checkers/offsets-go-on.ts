import { type Checker, rulesOf } from "./checker.ts";

/** A read begins at the offset asked for and leaves none out, unless the log is compacted. */
export const offsetsGoOn: Checker = (history) => {
  const rules = rulesOf(history);
  const complaints: string[] = [];
  let count = 0;
  for (const event of history) {
    if (event.kind !== "read") continue;
    const { partition, reader, from, records } = event;
    const mayLack = rules(partition).isCompacted;
    let next = from;
    for (const { offset } of records) {
      count += 1;
      if (offset < next || (offset > next && !mayLack)) {
        complaints.push(`${partition}: ${reader} expected ${next} and got ${offset}`);
        break;
      }
      next = offset + 1;
    }
  }
  return { complaints, count };
};
