import type { Checker } from "./checker.ts";

/** When the faults are over all can be asked and done again; no request ever meets a defect. */
export const nothingIsStuck: Checker = (history) => {
  const complaints: string[] = [];
  let count = 0;
  for (const event of history) {
    if (event.kind === "final") count += 1;
    if (event.kind === "stuck") complaints.push(event.what);
    if (event.kind === "answer" && event.error === "UNKNOWN_SERVER_ERROR") {
      complaints.push(`${event.api} was answered with ${event.error}`);
    }
  }
  return { complaints, count };
};
