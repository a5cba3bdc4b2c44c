import { afterEach, expect, test, vi } from "vitest";
import { cleanMarkerName } from "../../src/broker/partition/directory/clean-marker.ts";
import type { ReadResult } from "../../src/broker/partition/partition-log.ts";
import { Partition } from "../../src/broker/partition/partition.ts";
import { ProducerJournal } from "../../src/broker/partition/producers/producer-journal.ts";
import type { Disk, DiskFile } from "../../src/broker/ports/disk.ts";
import type { Plants } from "../../src/harness/simulation/machine.ts";
import { SimulatedProcess } from "../../src/harness/simulation/simulated-process.ts";
import { runSeed } from "../../src/harness/simulation/run-seed.ts";
import { batchTools } from "../../src/node/open-broker.ts";
import { recordBatches } from "../../src/protocol/record-batch.ts";

/** A bug that is not met within so many seeds counts as one that the simulator does not see. */
const seedsMax = 60;

afterEach(() => {
  vi.restoreAllMocks();
});

/** Whether that checker complains of a planted bug within the seeds. */
async function isCaughtBy(checker: string, plants: Plants): Promise<boolean> {
  for (let seed = 1; seed <= seedsMax; seed += 1) {
    const { complaints } = await runSeed({ seed, plants });
    if (complaints.some((complaint) => complaint.checker === checker)) return true;
  }
  return false;
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

test.each(["acknowledged stays", "committed never changes", "groups keep their place"])(
  "a broker that skips the flush of its logs is caught: %s",
  async (checker) => {
    const wrapDisk = (disk: Disk): Disk =>
      diskWith(disk, {}, (path) => (isLog(path) ? { sync: nothing } : {}));
    expect(await isCaughtBy(checker, { wrapDisk })).toBe(true);
  },
);

test("a broker that reads other bytes than are stored is caught", async () => {
  let readCount = 0;
  const misread = async (file: DiskFile, position: number, length: number): Promise<Uint8Array> => {
    const bytes = (await file.read(position, length)).slice();
    readCount += 1;
    if (readCount % 40 === 0 && bytes.length > 65) bytes[65] = ~(bytes[65] as number);
    return bytes;
  };
  const wrapDisk = (disk: Disk): Disk =>
    diskWith(disk, {}, (path, file) =>
      isLog(path) ? { read: (position, length) => misread(file, position, length) } : {},
    );
  expect(await isCaughtBy("damage is told", { wrapDisk })).toBe(true);
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
  expect(await isCaughtBy("acknowledged stays", { wrapDisk })).toBe(true);
});

test("a broker that never makes the names of its files durable is caught", async () => {
  const wrapDisk = (disk: Disk): Disk => diskWith(disk, { syncDirectory: nothing });
  expect(await isCaughtBy("acknowledged stays", { wrapDisk })).toBe(true);
});

test("a broker that takes every checksum for good is caught", async () => {
  // A batch holds its sum in the four bytes before those that are summed.
  const crc32c = ({ buffer, byteOffset }: Uint8Array): number =>
    byteOffset < 4 ? 0 : new DataView(buffer, byteOffset - 4, 4).getUint32(0);
  expect(await isCaughtBy("only what was sent", { tools: { ...batchTools, crc32c } })).toBe(true);
});

test("a broker that cuts a torn log at the wrong place is caught", async () => {
  const short = (path: string, file: DiskFile): Partial<DiskFile> => ({
    truncate: (sizeBytes) => file.truncate(isLog(path) ? Math.max(0, sizeBytes - 80) : sizeBytes),
  });
  expect(
    await isCaughtBy("acknowledged stays", { wrapDisk: (disk) => diskWith(disk, {}, short) }),
  ).toBe(true);
});

test("a cleaner that leaves a batch out is caught", async () => {
  const withoutLast = (bytes: Uint8Array): Uint8Array => {
    const sizes = [...recordBatches(bytes)].map((batch) => batch.bytes.length);
    return sizes.length < 2 ? bytes : bytes.subarray(0, bytes.length - (sizes.at(-1) as number));
  };
  const short = (path: string, file: DiskFile): Partial<DiskFile> => ({
    append: (chunks) =>
      file.append(path.endsWith(".log.cleaned") ? chunks.map(withoutLast) : chunks),
  });
  const wrapDisk = (disk: Disk): Disk => diskWith(disk, {}, short);
  expect(await isCaughtBy("last of key stays", { wrapDisk })).toBe(true);
});

test("a swap that sets a segment aside before its successor is ready is caught", async () => {
  const early = (disk: Disk) => async (from: string, to: string) => {
    const isSetAside = to.endsWith(".log.deleted");
    if (isSetAside && (await disk.readFile(from)) === undefined) return;
    if (to.endsWith(".log.swap")) {
      const old = to.slice(0, -".swap".length);
      await disk.rename(old, `${old}.deleted`);
      const folder = to.slice(0, to.indexOf("/"));
      for (let slow = 0; slow < 50; slow += 1) await disk.syncDirectory(folder);
    }
    await disk.rename(from, to);
  };
  const wrapDisk = (disk: Disk): Disk => diskWith(disk, { rename: early(disk) });
  expect(await isCaughtBy("last of key stays", { wrapDisk })).toBe(true);
});

test("a broker whose checkpoint of log starts stays behind is caught", async () => {
  const rename = (disk: Disk) => async (from: string, to: string) => {
    // Or its copy, which counts where that one is not there.
    if (/log-start-offset/.test(to)) return await disk.remove(from);
    return await disk.rename(from, to);
  };
  const wrapDisk = (disk: Disk): Disk => diskWith(disk, { rename: rename(disk) });
  expect(await isCaughtBy("bounds only rise", { wrapDisk })).toBe(true);
});

test("a broker that does not come to the end of a stop is caught", async () => {
  const open = (disk: Disk) => (path: string, options: { create: boolean }) =>
    path.includes(cleanMarkerName) ? new Promise<never>(() => {}) : disk.open(path, options);
  const wrapDisk = (disk: Disk): Disk => diskWith(disk, { open: open(disk) });
  expect(await isCaughtBy("nothing is stuck", { wrapDisk })).toBe(true);
});

/** A method as it is, before a bug takes its place. */
function real<T extends object, Name extends keyof T>(of: { prototype: T }, name: Name): T[Name] {
  return Reflect.get(of.prototype, name) as T[Name];
}

test("a read that leaves batches out is caught", async () => {
  const read = real(Partition, "read");
  vi.spyOn(Partition.prototype, "read").mockImplementation(function (
    this: Partition,
    offset,
    options,
  ) {
    const later = offset + 6;
    return read.call(this, later < options.upTo ? later : offset, options);
  });
  expect(await isCaughtBy("offsets go on", {})).toBe(true);
});

test.each(["offsets go on", "once and in order"])(
  "a read that answers batches twice is caught: %s",
  async (checker) => {
    const twice = (result: ReadResult): ReadResult => ({
      ...result,
      chunks: [...result.chunks, ...result.chunks],
      sizeBytes: result.sizeBytes * 2,
    });
    const read = real(Partition, "read");
    vi.spyOn(Partition.prototype, "read").mockImplementation(function (
      this: Partition,
      offset,
      options,
    ) {
      const result = read.call(this, offset, options);
      return result instanceof Promise ? result.then(twice) : twice(result);
    });
    expect(await isCaughtBy(checker, {})).toBe(true);
  },
);

test("a broker that stores again what an idempotent producer repeats is caught", async () => {
  const check = real(ProducerJournal, "check");
  vi.spyOn(ProducerJournal.prototype, "check").mockImplementation(function (
    this: ProducerJournal,
    batch,
    options,
  ) {
    check.call(this, batch, options);
    return undefined;
  });
  // Answers that are lost on the way have producers repeat what is stored.
  let answerCount = 0;
  const connect = real(SimulatedProcess, "connect");
  vi.spyOn(SimulatedProcess.prototype, "connect").mockImplementation(function (
    this: SimulatedProcess,
    onBytes,
    onClosed,
  ) {
    const lossy = (bytes: Uint8Array): void => {
      answerCount += 1;
      if (answerCount % 20 === 0) end?.cut();
      else onBytes(bytes);
    };
    const end = connect.call(this, lossy, onClosed);
    return end;
  });
  expect(await isCaughtBy("once and in order", {})).toBe(true);
});
