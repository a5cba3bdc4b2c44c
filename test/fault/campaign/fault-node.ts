import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Child } from "../../support/child-process.ts";
import { repositoryRoot } from "../../support/repository.ts";

const readyLine = /xylem ready kafka=/;
const readyWithinMs = 60_000;
export const nodePort = 9_092;

export interface FaultNodeOptions {
  readonly id: number;
  readonly address: string;
  readonly dataFolder: string;
  /** What the node says goes here. */
  readonly logPath: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly commandAt: (command: readonly string[]) => readonly string[];
  /** A library that shifts the process's wall clock by what a file says; undefined: none. */
  readonly clockLibrary: string | undefined;
}

/** One node of a fault run: a process that is killed, paused and started over and over. */
export class FaultNode {
  readonly id: number;
  readonly address: string;
  readonly dataFolder: string;
  readonly #options: FaultNodeOptions;
  #child: Child | undefined;
  #isPaused = false;

  constructor(options: FaultNodeOptions) {
    this.id = options.id;
    this.address = options.address;
    this.dataFolder = options.dataFolder;
    this.#options = options;
    this.shiftClock(0);
  }

  get bootstrap(): string {
    return `${this.address}:${nodePort}`;
  }

  get url(): string {
    return `http://${this.bootstrap}/v1`;
  }

  get isRunning(): boolean {
    return this.#child?.isRunning === true;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get canShiftClock(): boolean {
    return this.#options.clockLibrary !== undefined;
  }

  /** Starts the process; waits until it is ready. */
  async start(): Promise<void> {
    const { settings, commandAt, logPath } = this.#options;
    const place = ["--host", this.address, "--port", String(nodePort), "--data", this.dataFolder];
    const given = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    const start = [`${repositoryRoot}/bin/xylem.cjs`, "start", ...place, ...given];
    const [command = "", ...args] = commandAt([process.execPath, ...start]);
    const child = new Child(command, args, { env: this.#environment() });
    this.#child = child;
    this.#isPaused = false;
    child.listen((text) => appendFileSync(logPath, text));
    await child.waitForOutput(readyLine, readyWithinMs);
  }

  /** SIGKILL; waits for the end. */
  async kill(): Promise<void> {
    if (this.isRunning) await this.#child?.end("SIGKILL");
  }

  /** SIGTERM; waits for the end. */
  async terminate(): Promise<void> {
    if (this.isRunning) await this.#child?.end("SIGTERM", 90_000);
  }

  pause(): void {
    this.#signal("SIGSTOP");
    this.#isPaused = true;
  }

  resume(): void {
    this.#signal("SIGCONT");
    this.#isPaused = false;
  }

  /** From here on its wall clock is off by so much; its other clocks go on. */
  shiftClock(bySeconds: number): void {
    writeFileSync(this.#clockPath, bySeconds < 0 ? `${bySeconds}` : `+${bySeconds}`);
  }

  /** Everything that the node has stored goes; it has to be down. */
  wipe(): void {
    for (const name of readdirSync(this.dataFolder)) {
      rmSync(join(this.dataFolder, name), { recursive: true });
    }
  }

  /** Folders of partitions below the data folder. */
  get partitionNames(): readonly string[] {
    return readdirSync(this.dataFolder).filter((name) => /-\d+$/.test(name));
  }

  /** The bytes of a partition's log; undefined where the node has none. */
  logBytes(partition: string): Buffer | undefined {
    const folder = join(this.dataFolder, partition);
    if (!existsSync(folder)) return undefined;
    const names = readdirSync(folder).filter((name) => name.endsWith(".log"));
    return Buffer.concat(names.sort().map((name) => readFileSync(join(folder, name))));
  }

  get #clockPath(): string {
    return `${this.#options.logPath}.clock`;
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child !== undefined && this.isRunning) process.kill(this.#child.pid, signal);
  }

  /** Without the variables that steer the tests: a node takes any XYLEM_ name for a setting. */
  #environment(): Record<string, string | undefined> {
    const ours = Object.keys(process.env).filter((name) => name.startsWith("XYLEM_"));
    const environment = Object.fromEntries(ours.map((name) => [name, undefined]));
    const { clockLibrary } = this.#options;
    if (clockLibrary === undefined) return environment;
    return {
      ...environment,
      LD_PRELOAD: clockLibrary,
      FAKETIME_TIMESTAMP_FILE: this.#clockPath,
      FAKETIME_CACHE_DURATION: "1",
      NO_FAKE_STAT: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      DONT_FAKE_MONOTONIC: "1",
    };
  }
}
