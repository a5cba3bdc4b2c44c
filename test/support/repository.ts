import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The checkout's root folder, without a slash at its end. */
export const repositoryRoot = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** `npm run test:long` does all of what `npm test` does one hundredth of. */
export const isLongRun = process.env["XYLEM_LONG"] === "1";

/** A folder under the ignored `.cache`, made when absent: downloads and compiled test tools. */
export function cacheFolder(name: string): string {
  const folder = `${repositoryRoot}/.cache/${name}`;
  mkdirSync(folder, { recursive: true });
  return folder;
}
