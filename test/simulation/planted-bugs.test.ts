import { expect, test } from "vitest";
import type { Disk, DiskFile } from "../../src/broker/ports/disk.ts";
import type { Plants } from "../../src/harness/simulation/machine.ts";
import { runSeed } from "../../src/harness/simulation/run-seed.ts";
import { batchTools } from "../../src/node/open-broker.ts";

/** A bug that is not met within so many seeds counts as one that the simulator does not see. */
const seedsMax = 60;

/** The checkers that complain of a planted bug, at the first seed where one does. */
async function caughtBy(plants: Plants): Promise<{ seed: number; checkers: string[] }> {
  for (let seed = 1; seed <= seedsMax; seed += 1) {
    const { complaints } = await runSeed({ seed, plants });
    if (complaints.length > 0) {
      return { seed, checkers: [...new Set(complaints.map(({ checker }) => checker))] };
    }
  }
  return { seed: seedsMax, checkers: [] };
}

/** A disk of which some calls go elsewhere; methods of files are replaced by `file`. */
function diskWith(
  disk: Disk,
  changes: Partial<Disk>,
  file: (path: string, file: DiskFile) => Partial<DiskFile> = () => ({}),
): Disk {
  const plain: Disk = {
    list: (directory) => disk.list(directory),
    makeDirectory: (directory) => disk.makeDirectory(directory),
    removeDirectory: (directory) => disk.removeDirectory(directory),
    open: async (path, options) => {
      const opened = await disk.open(path, options);
      return fileWith(opened, file(path, opened));
    },
    readFile: (path) => disk.readFile(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    link: (from, to, onto) => disk.link(from, to, onto),
    syncDirectory: (directory) => disk.syncDirectory(directory),
    space: () => disk.space(),
  };
  return { ...plain, ...changes };
}

function fileWith(file: DiskFile, changes: Partial<DiskFile>): DiskFile {
  return {
    get sizeBytes() {
      return file.sizeBytes;
    },
    append: changes.append ?? ((chunks) => file.append(chunks)),
    read: changes.read ?? ((position, length) => file.read(position, length)),
    truncate: changes.truncate ?? ((sizeBytes) => file.truncate(sizeBytes)),
    sync: changes.sync ?? (() => file.sync()),
    close: () => file.close(),
  };
}

const isLog = (path: string): boolean => /\/\d{20}\.log$/.test(path);
const nothing = (): Promise<void> => Promise.resolve();

test("a broker that skips the flush of its logs is caught", async () => {
  const wrapDisk = (disk: Disk): Disk =>
    diskWith(disk, {}, (path) => (isLog(path) ? { sync: nothing } : {}));
  const { checkers } = await caughtBy({ wrapDisk });
  expect(checkers).toContain("acknowledged stays");
});

test("a broker that answers before it has flushed is caught", async () => {
  // The flush begins, and nobody waits for its end.
  const wrapDisk = (disk: Disk): Disk =>
    diskWith(disk, {}, (path, file) => {
      const early = (): Promise<void> => {
        file.sync().catch(() => undefined);
        return Promise.resolve();
      };
      return isLog(path) ? { sync: early } : {};
    });
  const { checkers } = await caughtBy({ wrapDisk });
  expect(checkers).toContain("acknowledged stays");
});

test("a broker that never makes the names of its files durable is caught", async () => {
  const wrapDisk = (disk: Disk): Disk => diskWith(disk, { syncDirectory: nothing });
  const { checkers } = await caughtBy({ wrapDisk });
  expect(checkers).not.toEqual([]);
});

test("a broker that takes every checksum for good is caught", async () => {
  // A batch holds its sum in the four bytes before those that are summed.
  const crc32c = ({ buffer, byteOffset }: Uint8Array): number =>
    byteOffset < 4 ? 0 : new DataView(buffer, byteOffset - 4, 4).getUint32(0);
  const { checkers } = await caughtBy({ tools: { ...batchTools, crc32c } });
  expect(checkers).toContain("only what was sent");
});

test("a broker that cuts a torn log at the wrong place is caught", async () => {
  const short = (path: string, file: DiskFile): Partial<DiskFile> => ({
    truncate: (sizeBytes) => file.truncate(isLog(path) ? Math.max(0, sizeBytes - 80) : sizeBytes),
  });
  const { checkers } = await caughtBy({ wrapDisk: (disk) => diskWith(disk, {}, short) });
  expect(checkers).toContain("acknowledged stays");
});

test("a broker whose checkpoint of log starts stays behind is caught", async () => {
  const rename = (disk: Disk) => async (from: string, to: string) => {
    if (to === "log-start-offset-checkpoint") return await disk.remove(from);
    return await disk.rename(from, to);
  };
  const wrapDisk = (disk: Disk): Disk => diskWith(disk, { rename: rename(disk) });
  const { checkers } = await caughtBy({ wrapDisk });
  expect(checkers).toContain("bounds only rise");
});

test("a broker whose recovery point runs ahead of its flushes is caught", async () => {
  const append = (path: string, file: DiskFile): Partial<DiskFile> => ({
    append: (chunks) => {
      if (!path.startsWith("recovery-point-offset-checkpoint")) return file.append(chunks);
      const text = new TextDecoder().decode(chunks[0]);
      const ahead = text.replace(/ (\d+)$/gm, (_all, offset) => ` ${Number(offset) + 5}`);
      return file.append([new TextEncoder().encode(ahead)]);
    },
  });
  const { checkers } = await caughtBy({ wrapDisk: (disk) => diskWith(disk, {}, append) });
  expect(checkers).not.toEqual([]);
});
