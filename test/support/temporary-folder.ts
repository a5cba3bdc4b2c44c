import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const foldersMade = new Set<string>();

process.on("exit", () => {
  for (const folder of foldersMade) rmSync(folder, { recursive: true, force: true });
});

/** A new empty folder; removed by `removeFolder`, at the latest when this process ends. */
export function makeTemporaryFolder(purpose: string): string {
  const folder = mkdtempSync(join(tmpdir(), `xylem-${purpose}-`));
  foldersMade.add(folder);
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  foldersMade.delete(folder);
}
