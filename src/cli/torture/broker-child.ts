import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { CommandFailure } from "../exit-codes.ts";

const readyWithinMs = 60_000;
const outputCharsMax = 64 * 1024;

/** A broker in a process of its own, to be killed. */
export class BrokerChild {
  readonly #process: ChildProcess;
  readonly bootstrap: string;
  readonly startMs: number;

  private constructor(child: ChildProcess, bootstrap: string, startMs: number) {
    this.#process = child;
    this.bootstrap = bootstrap;
    this.startMs = startMs;
  }

  /** `program` is the launcher that runs this command too. */
  static async start(program: string, data: string): Promise<BrokerChild> {
    const startedMs = performance.now();
    const args = [program, "start", "--port=0", "--data", data];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    const endWithUs = (): void => void child.kill("SIGKILL");
    process.once("exit", endWithUs);
    child.once("exit", () => process.removeListener("exit", endWithUs));
    const bootstrap = await readyAddress(child);
    return new BrokerChild(child, bootstrap, performance.now() - startedMs);
  }

  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    const isOver = this.#process.exitCode !== null || this.#process.signalCode !== null;
    if (isOver) return;
    const exited = once(this.#process, "exit");
    this.#process.kill(signal);
    await exited;
  }
}

function readyAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    const fail = (why: string): void => {
      child.kill("SIGKILL");
      reject(new CommandFailure(`the broker did not start: ${why}\n${output.slice(-2_000)}`));
    };
    const timer = setTimeout(() => fail("it says nothing"), readyWithinMs);
    const take = (text: string): void => {
      output = (output + text).slice(-outputCharsMax);
      const address = /^xylem ready kafka=(\S+) /m.exec(output)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    };
    child.stdout?.setEncoding("utf8").on("data", take);
    child.stderr?.setEncoding("utf8").on("data", take);
    child.once("exit", (code) => {
      clearTimeout(timer);
      fail(`exit code ${code}`);
    });
  });
}
