import { execFileSync } from "node:child_process";
import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeTemporaryFolder, removeFolder } from "./temporary-folder.ts";

const blockBytes = 64 * 1024;
const mounted = new Set<SmallDisk>();

process.on("exit", () => {
  for (const disk of mounted) disk.remove();
});

/** A file system of its own with a bound on bytes and inodes; wants root. */
export class SmallDisk {
  readonly root: string;
  readonly #filler: string;

  constructor(limits: { readonly size: string; readonly inodes?: number }) {
    this.root = makeTemporaryFolder("small-disk");
    const options = `size=${limits.size},nr_inodes=${limits.inodes ?? 10_000}`;
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", this.root]);
    mounted.add(this);
    this.#filler = join(this.root, "filler");
  }

  /** Takes all the space that is left, as another program would. */
  fill(): void {
    const block = new Uint8Array(blockBytes);
    for (let sizeBytes = blockBytes; sizeBytes >= 512; sizeBytes /= 2) {
      this.#append(block.subarray(0, sizeBytes));
    }
  }

  /** Makes files until no more can be made, as another program would. */
  takeInodes(): void {
    for (let count = 0; ; count += 1) {
      try {
        writeFileSync(join(this.root, `taken-${count}`), "");
      } catch (error) {
        if ((error as { code?: string }).code === "ENOSPC") return;
        throw error;
      }
    }
  }

  free(): void {
    truncateSync(this.#filler, 0);
    rmSync(this.#filler);
  }

  remove(): void {
    mounted.delete(this);
    execFileSync("umount", ["-l", this.root]);
    removeFolder(this.root);
  }

  #append(block: Uint8Array): void {
    for (;;) {
      try {
        writeFileSync(this.#filler, block, { flag: "a" });
      } catch (error) {
        if ((error as { code?: string }).code === "ENOSPC") return;
        throw error;
      }
    }
  }
}
