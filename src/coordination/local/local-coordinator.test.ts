import { afterEach, describe, expect, test } from "vitest";
import { SeededRandom } from "../../base/seeded-random.ts";
import { coordinatorContract } from "../../../test/contracts/coordinator.contract.ts";
import { makeTemporaryFolder, removeFolder } from "../../../test/support/temporary-folder.ts";
import type { Clock } from "../../base/clock.ts";
import { portableCrc32c } from "../../base/crc32c.ts";
import { XylemError } from "../../base/errors.ts";
import { silentLog } from "../../base/log.ts";
import type { Disk, DiskFile } from "../../broker/ports/disk.ts";
import { FilesDisk } from "../../storage/files-disk.ts";
import { MemoryDisk } from "../../storage/memory-disk.ts";
import { LocalCoordinator } from "./local-coordinator.ts";

const path = "xylem-coordinator.log";
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) removeFolder(folder);
});

const stillClock: Clock = { nowMs: () => 7, monotonicMs: () => 7, schedule: () => () => {} };
const makeDisk = (sizeBytesMax = 64_000_000): MemoryDisk =>
  new MemoryDisk({ sizeBytesMax, clock: stillClock });
const open = (disk: Disk, warnings: string[] = []): Promise<LocalCoordinator> =>
  LocalCoordinator.open({
    disk,
    crc32c: portableCrc32c,
    log: { ...silentLog, warn: (text) => warnings.push(text) },
  });

coordinatorContract("local", () => {
  const disk = makeDisk();
  return { open: () => open(disk), reopen: () => open(disk) };
});

coordinatorContract("local on files", () => {
  const folder = makeTemporaryFolder("coordinator");
  folders.push(folder);
  const disk = new FilesDisk(folder);
  return { open: () => open(disk), reopen: () => open(disk) };
});

async function content(disk: Disk): Promise<Uint8Array> {
  return Uint8Array.from((await disk.readFile(path))!);
}

async function diskWith(bytes: Uint8Array): Promise<Disk> {
  const disk = makeDisk();
  const file = await disk.open(path, { create: true });
  await file.append([bytes]);
  await file.close();
  return disk;
}

async function threeEntries(): Promise<Uint8Array> {
  const disk = makeDisk();
  const coordinator = await open(disk);
  for (const key of ["a", "b", "c"]) await coordinator.transact([], [{ key, value: `of ${key}` }]);
  await coordinator.close();
  return await content(disk);
}

const keys = async (coordinator: LocalCoordinator): Promise<string[]> =>
  (await coordinator.read("")).entries.map(({ key }) => key);

describe("a damaged file", () => {
  test("cut short anywhere in its last line, it opens with all lines before", async () => {
    const bytes = await threeEntries();
    const lastLine = bytes.lastIndexOf(10, bytes.length - 2) + 1;
    for (let size = lastLine + 1; size < bytes.length; size++) {
      const warnings: string[] = [];
      const disk = await diskWith(bytes.slice(0, size));
      const coordinator = await open(disk, warnings);
      expect(await keys(coordinator)).toEqual(["a", "b"]);
      expect(warnings.length).toBe(1);
      await coordinator.transact([], [{ key: "d", value: "later" }]);
      await coordinator.close();
      expect(await keys(await open(disk))).toEqual(["a", "b", "d"]);
    }
  });

  test("a last line whose bytes never reached the disk reads as zeros and is cut", async () => {
    const bytes = await threeEntries();
    const lastLine = bytes.lastIndexOf(10, bytes.length - 2) + 1;
    const coordinator = await open(await diskWith(bytes.fill(0, lastLine + 4)));
    expect(await keys(coordinator)).toEqual(["a", "b"]);
  });

  test.each([
    ["end", 20, 1_000],
    ["beginning", 0, 30],
  ])(
    "a last line with garbage at its %s never reached the disk and is cut",
    async (_, from, to) => {
      const random = new SeededRandom(1);
      for (let run = 0; run < 100; run += 1) {
        const bytes = await threeEntries();
        const lastLine = bytes.lastIndexOf(10, bytes.length - 2) + 1;
        const end = Math.min(bytes.length, lastLine + to);
        bytes.set(random.bytes(end - lastLine - from), lastLine + from);
        const coordinator = await open(await diskWith(bytes));
        expect(await keys(coordinator)).toEqual(["a", "b"]);
      }
    },
  );

  test("any bit that is flipped refuses the start and changes nothing", async () => {
    const bytes = await threeEntries();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = Uint8Array.from(bytes);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const disk = await diskWith(damaged);
      await expect(open(disk)).rejects.toMatchObject({ code: "KAFKA_STORAGE_ERROR" });
      expect(await content(disk)).toEqual(damaged);
    }
  });

  test("a whole last line with a flipped bit is damage, not a torn write", async () => {
    const bytes = await threeEntries();
    bytes[bytes.length - 5]! ^= 1;
    await expect(open(await diskWith(bytes))).rejects.toThrow(/damaged at line 4/);
  });

  test("a lost line in the middle refuses the start", async () => {
    const lines = new TextDecoder().decode(await threeEntries()).split("\n");
    lines.splice(2, 1);
    const disk = await diskWith(new TextEncoder().encode(lines.join("\n")));
    await expect(open(disk)).rejects.toThrow(/does not follow/);
  });

  test("an empty file refuses the start: it was never ours", async () => {
    await expect(open(await diskWith(new Uint8Array()))).rejects.toThrow(/first line/);
  });
});

describe("a growing file", () => {
  test("is rewritten once most of it is history, and reads equal afterwards", async () => {
    const disk = makeDisk();
    const coordinator = await open(disk);
    const value = "x".repeat(5_000);
    for (let at = 0; at < 500; at++) {
      await coordinator.transact([], [{ key: `k${at % 3}`, value: `${at} ${value}` }]);
    }
    await coordinator.transact([], [{ key: "k0", value: null }]);
    const before = await coordinator.read("");
    await coordinator.close();
    expect((await content(disk)).length).toBeLessThan(1_100_000);
    expect((await disk.list("")).map(({ name }) => name)).toEqual([path]);
    expect(await (await open(disk)).read("")).toEqual(before);
  });

  test("keeps the revision although the newest change was a deletion", async () => {
    const disk = makeDisk();
    const coordinator = await open(disk);
    for (let at = 0; at < 300; at++) {
      await coordinator.transact([], [{ key: "big", value: "y".repeat(5_000) }]);
      await coordinator.transact([], [{ key: "big", value: null }]);
    }
    const { revision } = await coordinator.read("");
    await coordinator.close();
    expect((await (await open(disk)).read("")).revision).toBe(revision);
  });

  test("a draft of a rewrite that a crash left is thrown away", async () => {
    const disk = await diskWith(await threeEntries());
    const draft = await disk.open(`${path}.tmp`, { create: true });
    await draft.append([Uint8Array.of(1, 2, 3)]);
    await draft.close();
    expect(await keys(await open(disk))).toEqual(["a", "b", "c"]);
    expect((await disk.list("")).map(({ name }) => name)).toEqual([path]);
  });
});

describe("a failing disk", () => {
  test("a full disk refuses the change at hand, keeps the others, and recovers", async () => {
    const disk = makeDisk(1_000_000);
    const coordinator = await open(disk);
    await coordinator.transact([], [{ key: "a", value: "1" }]);
    const filler = await disk.open("filler", { create: true });
    await filler.append([new Uint8Array(990_000)]);
    await filler.close();
    const large = { key: "b", value: "z".repeat(50_000) };
    await expect(coordinator.transact([], [large])).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await keys(coordinator)).toEqual(["a"]);
    await disk.remove("filler");
    expect(await coordinator.transact([], [large])).toBeDefined();
    await coordinator.close();
    expect(await keys(await open(disk))).toEqual(["a", "b"]);
  });

  test("a flush that fails confirms nothing, and nothing is changed any more", async () => {
    const disk = new FailingSync(makeDisk());
    const coordinator = await open(disk);
    await coordinator.transact([], [{ key: "a", value: "1" }]);
    disk.isFailing = true;
    const failed = { code: "KAFKA_STORAGE_ERROR" };
    const write = [{ key: "b", value: "1" }];
    await expect(coordinator.transact([], write)).rejects.toMatchObject(failed);
    disk.isFailing = false;
    await expect(coordinator.transact([], write)).rejects.toMatchObject(failed);
    expect(await keys(coordinator)).toEqual(["a"]);
  });
});

test("a change that comes at any moment of the one before is confirmed too", async () => {
  const coordinator = await open(makeDisk());
  for (let turns = 0; turns < 40; turns++) {
    const first = coordinator.transact([], [{ key: "a", value: "1" }]);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    expect(await coordinator.transact([], [{ key: "b", value: "1" }])).toBeDefined();
    await first;
  }
});

test("changes that arrive together share a flush", async () => {
  const disk = new FailingSync(makeDisk());
  const coordinator = await open(disk);
  const before = disk.syncs;
  const writes = Array.from({ length: 100 }, (_, at) =>
    coordinator.transact([], [{ key: `k${at}`, value: "1" }]),
  );
  await Promise.all(writes);
  expect(disk.syncs - before).toBeLessThan(5);
});

describe("a lease of one process", () => {
  const bound = async (coordinator: LocalCoordinator): Promise<void> => {
    const lease = await coordinator.lease(2_000);
    expect(lease.holdsUntilMs).toBe(Number.POSITIVE_INFINITY);
    await coordinator.transact([], [{ key: "bound", value: "1", lease }]);
    await coordinator.transact([], [{ key: "free", value: "1" }]);
  };

  test("ends when the coordinator closes", async () => {
    const disk = makeDisk();
    const coordinator = await open(disk);
    await bound(coordinator);
    await coordinator.close();
    expect(new TextDecoder().decode(await content(disk))).toContain('"value":null');
    expect(await keys(await open(disk))).toEqual(["free"]);
  });

  test("that a crash cut short has ended when the file is opened, at a new revision", async () => {
    const disk = makeDisk();
    const coordinator = await open(disk);
    await bound(coordinator);
    const { revision } = await coordinator.read("");
    const again = await open(await diskWith(await content(disk)));
    expect(await keys(again)).toEqual(["free"]);
    expect((await again.read("")).revision).toBe(revision + 1);
  });

  test("is remembered when the file is rewritten", async () => {
    const disk = makeDisk();
    const coordinator = await open(disk);
    await bound(coordinator);
    for (let at = 0; at < 300; at++) {
      await coordinator.transact([], [{ key: "big", value: "y".repeat(5_000) }]);
    }
    const bytes = await content(disk);
    expect(bytes.length).toBeLessThan(1_000_000);
    expect(await keys(await open(await diskWith(bytes)))).toEqual(["big", "free"]);
  });
});

/** A disk whose flushes can be made to fail. */
class FailingSync implements Disk {
  readonly #disk: Disk;
  isFailing = false;
  syncs = 0;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  async open(name: string, options: { create: boolean }): Promise<DiskFile> {
    const file = await this.#disk.open(name, options);
    const sync = async (): Promise<void> => {
      this.syncs++;
      if (this.isFailing) throw new XylemError("KAFKA_STORAGE_ERROR", "no flush today");
      await file.sync();
    };
    return new Proxy(file, {
      get: (target, name) => {
        if (name === "sync") return sync;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  list = (directory: string) => this.#disk.list(directory);
  makeDirectory = (directory: string) => this.#disk.makeDirectory(directory);
  removeDirectory = (directory: string) => this.#disk.removeDirectory(directory);
  readFile = (name: string) => this.#disk.readFile(name);
  rename = (from: string, to: string) => this.#disk.rename(from, to);
  remove = (name: string) => this.#disk.remove(name);
  link = (from: string, to: string) => this.#disk.link(from, to);
  syncDirectory = (directory: string) => this.#disk.syncDirectory(directory);
  space = () => this.#disk.space();
}
