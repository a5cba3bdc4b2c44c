import { setTimeout as sleep } from "node:timers/promises";
import type { Child } from "../../support/child-process.ts";
import type { Gate } from "./gate.ts";

const restMs = 100;

/** A client's process, and another one when it has given up, until the gate ends. */
export class KeptProcess {
  readonly #start: () => Child | Promise<Child>;
  #restartCount = 0;

  constructor(start: () => Child | Promise<Child>) {
    this.#start = start;
  }

  get restartCount(): number {
    return this.#restartCount;
  }

  async run(gate: Gate): Promise<void> {
    while (!gate.isEnded) {
      const child = await this.#start();
      while (!gate.isEnded && child.isRunning) await sleep(restMs);
      if (!gate.isEnded) this.#restartCount += 1;
      await child.end("SIGKILL");
    }
  }
}
