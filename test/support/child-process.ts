import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { createInterface } from "node:readline";

export interface ChildOptions {
  readonly cwd?: string;
  /** Added to this process's own; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Fed to standard input, which is then closed; without it standard input stays open. */
  readonly input?: string | Uint8Array;
  /** Standard output goes to this file instead of being kept. */
  readonly outputPath?: string;
}

export interface Outcome {
  /** Exit code, or -1 when a signal ended the process. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const outputCharsMax = 64 * 1024 * 1024;
const running = new Set<ChildProcess>();

process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A process that the tests own: its output is kept, and it never outlives them. */
export class Child {
  readonly #process: ChildProcess;
  readonly #exited: Promise<number>;
  readonly #listeners = new Set<() => void>();
  #stdout = "";
  #stderr = "";
  #linesReadTo = 0;

  constructor(command: string, args: readonly string[], options: ChildOptions = {}) {
    const env = { ...process.env, ...options.env };
    const output = options.outputPath === undefined ? "pipe" : openSync(options.outputPath, "w");
    const stdio: StdioOptions = ["pipe", output, "pipe"];
    this.#process = spawn(command, args, { cwd: options.cwd, env, stdio });
    if (typeof output === "number") closeSync(output);
    running.add(this.#process);
    this.#exited = this.#whenEnded();
    this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout = (this.#stdout + text).slice(-outputCharsMax);
      this.#notify();
    });
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-outputCharsMax);
      this.#notify();
    });
    this.#process.stdin?.on("error", () => undefined);
    if (options.input !== undefined) this.#process.stdin?.end(options.input);
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error("the process did not start");
    return this.#process.pid;
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  write(text: string): void {
    this.#process.stdin?.write(text);
  }

  endInput(): void {
    this.#process.stdin?.end();
  }

  /** Tells everything that the process writes from here on. */
  listen(hear: (text: string) => void): void {
    this.#process.stdout?.on("data", hear);
    this.#process.stderr?.on("data", hear);
  }

  /** Tells each line from here on that the process writes to one of its outputs. */
  eachLine(output: "stdout" | "stderr", hear: (line: string) => void): void {
    const input = this.#process[output];
    if (input !== null) createInterface({ input }).on("line", hear);
  }

  /** The first match of `pattern` in what the process has written or will write. */
  async waitForOutput(pattern: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    const deadlineMs = Date.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr);
      if (match !== null) return match;
      if (!this.isRunning) throw new Error(`ended before ${pattern}:\n${this.#tail()}`);
      const leftMs = deadlineMs - Date.now();
      if (leftMs <= 0) throw new Error(`no ${pattern} in ${timeoutMs} ms:\n${this.#tail()}`);
      await this.#nextOutput(leftMs);
    }
  }

  /** The next line of standard output that no earlier call has answered. */
  async nextLine(timeoutMs: number): Promise<string> {
    const deadlineMs = Date.now() + timeoutMs;
    let end = this.#stdout.indexOf("\n", this.#linesReadTo);
    for (; end < 0; end = this.#stdout.indexOf("\n", this.#linesReadTo)) {
      const leftMs = deadlineMs - Date.now();
      if (!this.isRunning || leftMs <= 0) throw new Error(`no further line:\n${this.#tail()}`);
      await this.#nextOutput(leftMs);
    }
    const line = this.#stdout.slice(this.#linesReadTo, end);
    this.#linesReadTo = end + 1;
    return line;
  }

  /** Waits for the end; past `timeoutMs` the process is killed and the wait fails. */
  async outcome(timeoutMs: number): Promise<Outcome> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#process.kill("SIGKILL");
    }, timeoutMs);
    const code = await this.#exited;
    clearTimeout(timer);
    if (late) throw new Error(`still running after ${timeoutMs} ms:\n${this.#tail()}`);
    return { code, stdout: this.#stdout, stderr: this.#stderr };
  }

  /** Sends `signal` and waits for the end; answers the exit code, -1 for a signal. */
  async end(signal: "SIGTERM" | "SIGKILL" | "SIGINT", timeoutMs = 60_000): Promise<number> {
    if (this.isRunning) this.#process.kill(signal);
    return (await this.outcome(timeoutMs)).code;
  }

  async #whenEnded(): Promise<number> {
    try {
      const [code] = (await once(this.#process, "close")) as [number | null];
      return code ?? -1;
    } catch (error) {
      this.#stderr += String(error);
      return -1;
    } finally {
      running.delete(this.#process);
      this.#notify();
    }
  }

  #nextOutput(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#listeners.add(done);
    });
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }

  #tail(): string {
    return `${this.#stdout.slice(-2000)}\n${this.#stderr.slice(-2000)}`;
  }
}

/** Runs a program to its end. */
export function run(
  command: string,
  args: readonly string[],
  options: ChildOptions & { readonly timeoutMs?: number } = {},
): Promise<Outcome> {
  const child = new Child(command, args, options);
  if (options.input === undefined) child.endInput();
  return child.outcome(options.timeoutMs ?? 120_000);
}
