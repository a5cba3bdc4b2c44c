import type { BrokerOptions, BrokerProcess } from "./broker-process.ts";
import { Child } from "./child-process.ts";
import { repositoryRoot } from "./repository.ts";
import { makeTemporaryFolder, removeFolder } from "./temporary-folder.ts";

const readyLine = /xylem ready kafka=([\d.]+):(\d+) /;
const readyWithinMs = 60_000;

/** Which build is started. */
export interface XylemBuild {
  readonly product: "xylem" | "xylem-before";
  /** The checkout it was made in. */
  readonly root: string;
}

const ourBuild: XylemBuild = { product: "xylem", root: repositoryRoot };

/** Starts `xylem start` on a port of its own choice and waits for its ready line. */
export async function startXylem(
  options: BrokerOptions = {},
  build = ourBuild,
): Promise<BrokerProcess> {
  const broker = new XylemProcess(options, build);
  await broker.launch(0);
  return broker;
}

class XylemProcess implements BrokerProcess {
  readonly product: XylemBuild["product"];
  readonly host = "127.0.0.1";
  readonly dataFolder: string;
  readonly #root: string;
  readonly #isTemporary: boolean;
  readonly #settings: readonly string[];
  #child: Child | undefined;
  #launchMs = 0;
  #port = 0;

  constructor(options: BrokerOptions, { product, root }: XylemBuild) {
    this.product = product;
    this.#root = root;
    this.#isTemporary = options.dataFolder === undefined;
    this.dataFolder = options.dataFolder ?? makeTemporaryFolder("data");
    const settings = Object.entries(options.settings ?? {});
    this.#settings = settings.map(([name, value]) => `--${name}=${value}`);
  }

  get port(): number {
    return this.#port;
  }

  get bootstrap(): string {
    return `${this.host}:${this.#port}`;
  }

  get pid(): number {
    return this.#running().pid;
  }

  get launchMs(): number {
    return this.#launchMs;
  }

  get output(): string {
    return `${this.#child?.stdout}${this.#child?.stderr}`;
  }

  async launch(port: number): Promise<void> {
    const place = ["--port", String(port), "--data", this.dataFolder];
    const args = [`${this.#root}/bin/xylem.cjs`, "start", ...place, ...this.#settings];
    const startedMs = performance.now();
    this.#child = new Child(process.execPath, args, { env: nodeEnvironment() });
    const ready = await this.#child.waitForOutput(readyLine, readyWithinMs);
    this.#port = Number(ready[2]);
    this.#launchMs = performance.now() - startedMs;
  }

  terminate(): Promise<number> {
    return this.#running().end("SIGTERM", 60_000);
  }

  async stop(): Promise<number> {
    const code = await this.terminate();
    if (this.#isTemporary) removeFolder(this.dataFolder);
    return code;
  }

  async kill(): Promise<void> {
    await this.#running().end("SIGKILL");
  }

  async restart(): Promise<void> {
    await this.terminate();
    await this.launch(this.#port);
  }

  #running(): Child {
    if (this.#child === undefined) throw new Error("not started");
    return this.#child;
  }
}

/** Without the variables that steer the tests: a node takes any XYLEM_ name for a setting. */
function nodeEnvironment(): Record<string, string | undefined> {
  const ours = Object.keys(process.env).filter((name) => name.startsWith("XYLEM_"));
  return Object.fromEntries(ours.map((name) => [name, undefined]));
}
