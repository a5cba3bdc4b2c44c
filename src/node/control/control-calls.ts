import { XylemError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Broker } from "../../broker/broker.ts";
import type { HolderCall } from "../../storage/holder-calls.ts";
import { commands } from "./commands.ts";

/**
 * The node's side of the socket in its data directory: commands of the same user on the same
 * machine. Before `open` and after `close` there is no node to command yet, or any more.
 */
export class ControlCalls {
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #broker: Broker | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  open(broker: Broker): void {
    this.#broker = broker;
  }

  /** Tells what runs to give up, and waits until it has. */
  async close(): Promise<void> {
    this.#broker = undefined;
    this.#closing.abort();
    await Promise.allSettled(this.#running);
  }

  /** Throws BROKER_NOT_AVAILABLE, UNSUPPORTED_VERSION, and what the command throws. */
  async take(call: HolderCall): Promise<unknown> {
    const running = this.#run(call);
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      if (!(error instanceof XylemError)) {
        const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#log.error("a command failed", { command: call.command, why });
      }
      throw error;
    } finally {
      this.#running.delete(running);
    }
  }

  async #run({ command, argument, signal, progress }: HolderCall): Promise<unknown> {
    if (this.#broker === undefined) {
      const state = this.#closing.signal.aborted ? "is stopping" : "is starting";
      throw new XylemError("BROKER_NOT_AVAILABLE", `the node ${state}`);
    }
    const known = Object.hasOwn(commands, command) ? commands[command] : undefined;
    if (known === undefined) {
      throw new XylemError("UNSUPPORTED_VERSION", `this node knows no command ${command}`);
    }
    const signals = AbortSignal.any([signal, this.#closing.signal]);
    return await known(argument, { broker: this.#broker, signal: signals, progress });
  }
}
