import type { Disk } from "../../ports/disk.ts";
import type { SetAside } from "../../ports/partition-storage.ts";
import { formatPartitionName, isSetAsideOf } from "../partition-name.ts";

/** The folders of a data directory that are kept until their partitions are filled again. */
export class AsideFolders implements SetAside {
  readonly #disk: Disk;
  readonly #names: Set<string>;

  /** `folders` are all there are. */
  constructor(disk: Disk, folders: Iterable<string>) {
    this.#disk = disk;
    this.#names = new Set([...folders].filter((name) => name.endsWith("-damaged")));
  }

  add(folder: string): void {
    this.#names.add(folder);
  }

  has(topic: string, index: number): boolean {
    return this.#of(topic, index).length > 0;
  }

  async forget(topic: string, index: number): Promise<void> {
    for (const folder of this.#of(topic, index)) {
      await this.#disk.removeDirectory(folder);
      this.#names.delete(folder);
    }
  }

  #of(topic: string, index: number): readonly string[] {
    const name = formatPartitionName(topic, index);
    return [...this.#names].filter((folder) => isSetAsideOf(folder, name));
  }
}
