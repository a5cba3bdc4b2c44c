import { randomUUID } from "node:crypto";
import { chmodSync, type Stats } from "node:fs";
import { link, open, rename, rm, stat } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { dirname, join } from "node:path";
import { XylemError } from "../base/errors.ts";
import { systemCode, toDiskError } from "./disk-error.ts";
import { ask, type HolderAnswer } from "./ask-holder.ts";
import { HolderCalls, type OnCall } from "./holder-calls.ts";
import { type LockAddress, lockAddress } from "./lock-address.ts";
import { reserveName } from "./reserved-disk.ts";
import { serveHolder } from "./serve-holder.ts";

export { askHolder } from "./ask-holder.ts";
export { callHolder } from "./call-holder.ts";

export interface LockOptions {
  /** `xylem stop` asked for it. */
  readonly onStop: () => void;
  /** Commands for a running node; without it there are none. */
  readonly onCall?: OnCall;
}

/** A held data directory. Released by itself when the process ends, however it ends. */
export interface DirectoryLock {
  release(): Promise<void>;
}

const retryMs = 20;
/** Taking over a stale lock is a matter of milliseconds: longer, and its file is stale as well. */
const takeoverMsMax = 5_000;
const connectionsMax = 16;

/**
 * Makes this process the only one that uses the directory, which must exist. Node has no file
 * locks, so a socket is bound: bound is held, a refused connection is a holder that died.
 * Throws KAFKA_STORAGE_ERROR, naming the holder's process id, when the directory is held.
 */
export async function lockDirectory(root: string, options: LockOptions): Promise<DirectoryLock> {
  const address = lockAddress(root);
  try {
    const { server, calls } = await takeLock(root, address, options);
    return new HeldLock(server, address, calls);
  } catch (error) {
    address.close();
    throw error;
  }
}

class HeldLock implements DirectoryLock {
  readonly #server: Server;
  readonly #address: LockAddress;
  readonly #calls: HolderCalls;
  #released: Promise<void> | undefined;

  constructor(server: Server, address: LockAddress, calls: HolderCalls) {
    this.#server = server;
    this.#address = address;
    this.#calls = calls;
  }

  release(): Promise<void> {
    this.#released ??= new Promise((resolve) => {
      this.#calls.abort();
      // Closing a server removes its socket's file.
      this.#server.close(() => {
        this.#address.close();
        resolve();
      });
    });
    return this.#released;
  }
}

/** A bound socket; `name`, its answer to `whose`, is unique where process ids are not. */
interface Bound {
  readonly server: Server;
  readonly name: string;
  readonly calls: HolderCalls;
}

interface FileAddress {
  readonly path: string;
  readonly file: string;
}

async function takeLock(root: string, address: LockAddress, options: LockOptions): Promise<Bound> {
  const deadlineMs = performance.now() + 2 * takeoverMsMax;
  while (performance.now() < deadlineMs) {
    const bound = await tryToBind(address, options);
    if (bound !== undefined) {
      const { path, file } = address;
      if (file !== undefined) await proveHeld(root, { path, file }, bound);
      return bound;
    }
    const answer = await ask(address.path, "ping");
    if (answer.kind === "answered" || answer.kind === "silent") throw heldError(root, answer);
    if (answer.kind === "refused") await takeOver(address);
    await sleep(retryMs);
  }
  throw new XylemError("KAFKA_STORAGE_ERROR", `the lock of ${root} could not be taken over`);
}

function heldError(root: string, answer: HolderAnswer): XylemError {
  const pid = answer.kind === "answered" ? /^pong (\d+)$/.exec(answer.line)?.[1] : undefined;
  const holder = pid === undefined ? "a process that does not answer" : `process ${pid}`;
  return new XylemError("KAFKA_STORAGE_ERROR", `the data directory ${root} is in use by ${holder}`);
}

/** Undefined when the address is taken, by a living holder or a dead one's socket. */
async function tryToBind(address: LockAddress, options: LockOptions): Promise<Bound | undefined> {
  const name = randomUUID();
  const calls = new HolderCalls(options.onCall ?? refuseCalls);
  const { onStop } = options;
  const server = createServer((socket) => serveHolder(socket, { name, onStop, calls }));
  server.maxConnections = connectionsMax;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(address.path, () => {
        // Not a turn later: whoever connected before it would stay connected.
        if (address.file !== undefined) restrict(address.file, reject);
        resolve();
      });
    });
  } catch (error) {
    if (systemCode(error) === "EADDRINUSE") return undefined;
    throw toDiskError(error, `locking ${address.file ?? address.path}`);
  }
  server.unref();
  return { server, name, calls };
}

function refuseCalls(): Promise<never> {
  return Promise.reject(new XylemError("UNSUPPORTED_VERSION", "no node holds this directory"));
}

/** Opens it to this process's user alone. One that is gone already is told by `proveHeld`. */
function restrict(file: string, onError: (error: unknown) => void): void {
  try {
    chmodSync(file, 0o600);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") onError(error);
  }
}

/**
 * Two that dropped the same stale claim may each have removed what the other then bound. Once no
 * takeover is under way the path tells whose socket is left: only that process goes on.
 */
async function proveHeld(root: string, address: FileAddress, bound: Bound): Promise<void> {
  const claim = claimOf(address.file);
  while (await isThere(claim)) await sleep(retryMs);
  const answer = await ask(address.path, "whose");
  if (answer.kind === "answered" && answer.line === bound.name) return;
  const holder = await ask(address.path, "ping");
  while (!(await withClaim(address.file, () => letGo(address.file, bound)))) await sleep(retryMs);
  throw heldError(root, holder);
}

/** Closing a server removes what lies at its path: the holder's socket is put back there. */
async function letGo(file: string, { server, name }: Bound): Promise<void> {
  const aside = `${file}.${name}`;
  const isKept = await link(file, aside).then(
    () => true,
    () => false,
  );
  await new Promise((resolve) => server.close(resolve));
  if (isKept) await rename(aside, file);
}

/**
 * Removes the socket of a dead holder. Only the process that made the exclusive file may, and only
 * after it has been refused once more: otherwise two could each remove the other's new socket.
 */
async function takeOver({ path, file }: LockAddress): Promise<void> {
  if (file === undefined) return;
  await withClaim(file, async () => {
    const answer = await ask(path, "ping");
    if (answer.kind === "refused") await rm(file, { force: true });
  });
}

const claimOf = (file: string): string => `${file}.takeover`;

/** Answers whether nobody else had the claim, so that `work` was done. Drops a stale one. */
async function withClaim(file: string, work: () => Promise<void>): Promise<boolean> {
  const claim = claimOf(file);
  const made = await makeClaim(claim, file);
  if (made === undefined) {
    await isThere(claim);
    return false;
  }
  try {
    await work();
  } finally {
    // Another may have taken it for stale and made its own.
    const present = await stat(claim).catch(() => undefined);
    const isOwn = present?.ino === made.ino && present.birthtimeMs === made.birthtimeMs;
    if (isOwn) await rm(claim, { force: true });
  }
  return true;
}

/** Undefined: somebody has it. */
async function makeClaim(claim: string, file: string): Promise<Stats | undefined> {
  try {
    // It stays empty: it must be possible to make it on a full disk.
    const handle = await open(claim, "wx");
    const made = await handle.stat();
    await handle.close();
    return made;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return undefined;
    const made = systemCode(error) === "ENOSPC" ? await moveReserve(claim, file) : undefined;
    if (made !== undefined) return made;
    throw toDiskError(error, `making ${claim}`);
  }
}

/** No inode is left: the reserve of the dead holder becomes the claim, for one of those who ask. */
async function moveReserve(claim: string, file: string): Promise<Stats | undefined> {
  try {
    await rename(join(dirname(file), reserveName), claim);
    return await stat(claim);
  } catch {
    return undefined;
  }
}

/** Whether somebody has the claim; a stale one is dropped. */
async function isThere(claim: string): Promise<boolean> {
  try {
    const { ctimeMs } = await stat(claim);
    // A time to come is of a clock that was set back meanwhile.
    const isStale = Math.abs(Date.now() - ctimeMs) >= takeoverMsMax;
    if (isStale) await rm(claim, { force: true });
    return !isStale;
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw toDiskError(error, `dropping ${claim}`);
    return false;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
