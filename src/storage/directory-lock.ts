import { chmod, open, rm, stat } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { XylemError } from "../base/errors.ts";
import { systemCode, toDiskError } from "./disk-error.ts";
import { ask, type HolderAnswer } from "./ask-holder.ts";
import { type LockAddress, lockAddress } from "./lock-address.ts";

export { askHolder } from "./ask-holder.ts";

export interface LockOptions {
  /** `xylem stop` asked for it. */
  readonly onStop: () => void;
}

/** A held data directory. Released by itself when the process ends, however it ends. */
export interface DirectoryLock {
  release(): Promise<void>;
}

const retryMs = 20;
/** Taking over a stale lock is a matter of milliseconds: longer, and its file is stale as well. */
const takeoverMsMax = 5_000;
const lineBytesMax = 64;
const connectionsMax = 16;

/**
 * Makes this process the only one that uses the directory, which must exist. Node has no file
 * locks, so a socket is bound: bound is held, a refused connection is a holder that died.
 * Throws KAFKA_STORAGE_ERROR, naming the holder's process id, when the directory is held.
 */
export async function lockDirectory(root: string, options: LockOptions): Promise<DirectoryLock> {
  const address = lockAddress(root);
  try {
    const server = await takeLock(root, address, options);
    return new HeldLock(server, address);
  } catch (error) {
    address.close();
    throw error;
  }
}

class HeldLock implements DirectoryLock {
  readonly #server: Server;
  readonly #address: LockAddress;
  #released: Promise<void> | undefined;

  constructor(server: Server, address: LockAddress) {
    this.#server = server;
    this.#address = address;
  }

  release(): Promise<void> {
    this.#released ??= new Promise((resolve) => {
      // Closing a server removes its socket's file.
      this.#server.close(() => {
        this.#address.close();
        resolve();
      });
    });
    return this.#released;
  }
}

async function takeLock(root: string, address: LockAddress, options: LockOptions): Promise<Server> {
  const deadlineMs = performance.now() + 2 * takeoverMsMax;
  while (performance.now() < deadlineMs) {
    const server = await tryToBind(address, options);
    if (server !== undefined) return server;
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
async function tryToBind(address: LockAddress, options: LockOptions): Promise<Server | undefined> {
  const server = createServer((socket) => serve(socket, options));
  server.maxConnections = connectionsMax;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(address.path, resolve);
    });
  } catch (error) {
    if (systemCode(error) === "EADDRINUSE") return undefined;
    throw toDiskError(error, `locking ${address.file ?? address.path}`);
  }
  server.unref();
  if (address.file !== undefined) await chmod(address.file, 0o600);
  return server;
}

/**
 * Removes the socket of a dead holder. Only the process that made the exclusive file may, and only
 * after it has been refused once more: otherwise two could each remove the other's new socket.
 */
async function takeOver(address: LockAddress): Promise<void> {
  if (address.file === undefined) return;
  const claim = `${address.file}.takeover`;
  try {
    // It stays empty: it must be possible to make it on a full disk.
    await (await open(claim, "wx")).close();
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw toDiskError(error, `making ${claim}`);
    return dropStaleClaim(claim);
  }
  try {
    const answer = await ask(address.path, "ping");
    if (answer.kind === "refused") await rm(address.file, { force: true });
  } finally {
    await rm(claim, { force: true });
  }
}

async function dropStaleClaim(claim: string): Promise<void> {
  try {
    const { mtimeMs } = await stat(claim);
    // A time to come is of a clock that was set back meanwhile.
    if (Math.abs(Date.now() - mtimeMs) >= takeoverMsMax) await rm(claim, { force: true });
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw toDiskError(error, `dropping ${claim}`);
  }
}

/** One line in, one line out: `ping` or `stop`. */
function serve(socket: Socket, options: LockOptions): void {
  let received = "";
  socket.unref();
  socket.setEncoding("latin1");
  socket.setTimeout(takeoverMsMax, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (text: string) => {
    received += text;
    if (received.length > lineBytesMax) socket.destroy();
    const end = received.indexOf("\n");
    if (end < 0) return;
    const command = received.slice(0, end).trim();
    received = "";
    if (command === "ping") socket.end(`pong ${process.pid}\n`);
    else if (command === "stop") socket.end(`stopping ${process.pid}\n`, options.onStop);
    else socket.end("unknown\n");
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
