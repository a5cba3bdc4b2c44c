import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import type { BrokerProcess } from "./broker-process.ts";
import { type Block, isPrinted } from "./document-blocks.ts";
import { repositoryRoot } from "./repository.ts";
import { makeTemporaryFolder, removeFolder } from "./temporary-folder.ts";
import { startXylem } from "./xylem-process.ts";

/** Where the documents say that the broker is. */
const documentAddress = /(?:127\.0\.0\.1|localhost):9092/g;
const runMsMax = 60_000;
const pollMs = 50;

const extensions: Readonly<Record<string, string>> = { sh: "sh", js: "mjs", ts: "mts" };
const runners: Readonly<Record<string, readonly string[]>> = {
  sh: ["bash", "-eu", "-o", "pipefail"],
  js: [process.execPath],
  ts: [process.execPath],
};
const vitest = join(repositoryRoot, "node_modules/vitest/vitest.mjs");
const testRunner = [process.execPath, vitest, "run", "--root", "."];

/** What a block did; `code` is undefined when it was ended because it had printed all it should. */
interface BlockOutcome {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * The place of somebody who follows a document from its top: an empty folder in which Xylem is
 * installed, and a broker that keeps its data there in `./data`.
 */
export class DocumentFolder {
  readonly #folder: string;
  readonly #broker: BrokerProcess;

  /** With `files`, a copy of that folder is in it as well. */
  static async open(files?: string): Promise<DocumentFolder> {
    const folder = makeTemporaryFolder("document");
    const broker = await startXylem({ dataFolder: join(folder, "data") });
    if (files !== undefined) copyFiles(files, folder, broker.bootstrap);
    return new DocumentFolder(folder, broker);
  }

  private constructor(folder: string, broker: BrokerProcess) {
    this.#folder = folder;
    this.#broker = broker;
    installPackages(folder);
    const bin = join(folder, "node_modules/.bin");
    mkdirSync(bin);
    symlinkSync(vitest, join(bin, "vitest"));
    writeFileSync(join(bin, "xylem"), launcher(broker.bootstrap));
    chmodSync(join(bin, "xylem"), 0o755);
  }

  async close(): Promise<void> {
    await this.#broker.stop();
    removeFolder(this.#folder);
  }

  /** Runs a block as it stands, but for the broker's address. */
  async run({ language, text, printed }: Block): Promise<BlockOutcome> {
    const literal = text.replaceAll(documentAddress, this.#broker.bootstrap);
    const isTest = /from "vitest"/.test(text);
    const name = `example${isTest ? ".test" : ""}.${extensions[language] ?? ""}`;
    writeFileSync(join(this.#folder, name), literal);
    const child = this.#spawn(isTest ? testRunner : runners[language], name);
    try {
      return await outcomeOf(child, printed);
    } finally {
      endGroup(child);
    }
  }

  #spawn([program = "", ...args]: readonly string[] = [], name: string): ChildProcess {
    const bin = join(this.#folder, "node_modules/.bin");
    const env = { ...process.env, PATH: [bin, process.env["PATH"]].join(delimiter) };
    const stdio = ["ignore", "pipe", "pipe"] as const;
    const options = { cwd: this.#folder, env, stdio: [...stdio], detached: true };
    return spawn(program, [...args, name], options);
  }
}

function copyFiles(from: string, to: string, bootstrap: string): void {
  cpSync(from, to, { recursive: true });
  for (const entry of readdirSync(to, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || path.startsWith(join(to, "data"))) continue;
    const text = readFileSync(path, "utf8");
    const placed = text.replaceAll(documentAddress, bootstrap);
    if (placed !== text) writeFileSync(path, placed);
  }
}

/** Until it ends, or goes on though it has printed what it should: a follower of a topic. */
async function outcomeOf(child: ChildProcess, printed: string | undefined): Promise<BlockOutcome> {
  let stdout = "";
  let stderr = "";
  let code: number | undefined;
  child.stdout?.setEncoding("utf8").on("data", (part: string) => (stdout += part));
  child.stderr?.setEncoding("utf8").on("data", (part: string) => (stderr += part));
  child.on("error", (error) => {
    stderr += error.message;
    code = -1;
  });
  child.on("exit", (exitCode) => (code = exitCode ?? -1));
  const deadlineMs = performance.now() + runMsMax;
  while (code === undefined && performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    if (code === undefined && printed !== undefined && isPrinted(stdout, printed)) break;
  }
  if (performance.now() >= deadlineMs) stderr += `\nstill running after ${runMsMax} ms`;
  return { code, stdout, stderr };
}

/** Nothing that a block has started outlives it. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All have ended by themselves.
  }
}

/** The documents speak of port 9092, which this machine may need for something else. */
export function launcher(bootstrap: string): string {
  const program = `"${process.execPath}" "${join(repositoryRoot, "bin/xylem.cjs")}"`;
  return `#!/bin/sh
case "$(${program} "$@" --help)" in
  *--bootstrap*) exec ${program} "$@" --bootstrap ${bootstrap} ;;
  *) exec ${program} "$@" ;;
esac
`;
}

/** Xylem, and what a reader's programs may use besides: the packages of our own manifest. */
export function installPackages(folder: string): void {
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  for (const name of packageNames()) link(folder, name);
  symlinkSync(repositoryRoot, join(folder, "node_modules/xylem"));
}

function packageNames(): string[] {
  const text = readFileSync(join(repositoryRoot, "package.json"), "utf8");
  const { dependencies, devDependencies } = JSON.parse(text) as Record<string, object>;
  return Object.keys({ ...dependencies, ...devDependencies });
}

function link(folder: string, name: string): void {
  const [scope, inScope] = name.split("/");
  if (inScope !== undefined)
    mkdirSync(join(folder, "node_modules", scope ?? ""), { recursive: true });
  symlinkSync(join(repositoryRoot, "node_modules", name), join(folder, "node_modules", name));
}
