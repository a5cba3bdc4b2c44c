import type { PartitionKey } from "../history.ts";
import type { Checker } from "./checker.ts";

/**
 * Readers get records that a client sent to that partition, byte for byte: nothing damaged, nothing
 * of another partition, and nothing that the broker said it would not take.
 */
export const onlyWhatWasSent: Checker = (history) => {
  const sent = new Map<string, PartitionKey>();
  const refused = new Set<string>();
  const complaints: string[] = [];
  let count = 0;
  for (const event of history) {
    if (event.kind === "sent") for (const stamp of event.stamps) sent.set(stamp, event.partition);
    else if (event.kind === "refused") for (const stamp of event.stamps) refused.add(stamp);
    else if (event.kind === "read") {
      for (const { offset, stamp } of event.records) {
        count += 1;
        const place = `${event.partition}@${offset}, read by ${event.reader}`;
        if (stamp === undefined) complaints.push(`${place}: nobody sent these bytes`);
        else if (sent.get(stamp) !== event.partition) {
          complaints.push(`${place}: ${stamp} was sent to ${sent.get(stamp) ?? "nobody"}`);
        } else if (refused.has(stamp)) complaints.push(`${place}: ${stamp} had been refused`);
      }
    }
  }
  return { complaints, count };
};
