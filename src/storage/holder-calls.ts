import type { Socket } from "node:net";
import { XylemError } from "../base/errors.ts";

/** A command for the process that holds a data directory, from another process of its user. */
export interface HolderCall {
  readonly command: string;
  /** JSON, not looked into yet. */
  readonly argument: unknown;
  /** Aborts when the caller went away or the holder lets go of the directory. */
  readonly signal: AbortSignal;
  /** Tells the caller how far it is; left out while the caller is slow to read. */
  readonly progress: (state: unknown) => void;
}

/** Answers JSON. Of what it throws the caller is told only XylemErrors, by code and detail. */
export type OnCall = (call: HolderCall) => Promise<unknown>;

/** How a call reads on its line: the word, the command, the argument in JSON. */
export const callWord = "call ";
/** The longest line of a call, and of its answer, in characters. */
export const callLengthMax = 1_048_576;
export const answerLengthMax = 16_777_216;

/** How long a socket may lie open before its line has come, and after its answer is written. */
export const idleMsMax = 5_000;

const callsMax = 8;
/** Progress waits in the socket's buffer up to this. */
const progressBytesMax = 65_536;

/**
 * Runs the calls that come over the socket of a held directory. Answers are lines: `started`, any
 * number of `progress <json>`, then `done <json>` or `failed <json>` with code and detail.
 */
export class HolderCalls {
  readonly #onCall: OnCall;
  readonly #running = new Set<AbortController>();

  constructor(onCall: OnCall) {
    this.#onCall = onCall;
  }

  /** `line` is what followed the word. */
  async answer(socket: Socket, line: string): Promise<void> {
    const calling = new AbortController();
    socket.on("close", () => calling.abort());
    socket.setTimeout(0);
    socket.write("started\n");
    const answer = await this.#run(line, socket, calling);
    socket.setTimeout(idleMsMax);
    socket.end(answer);
  }

  /** The holder lets go: what still runs is told to give up. */
  abort(): void {
    for (const calling of this.#running) calling.abort();
  }

  async #run(line: string, socket: Socket, calling: AbortController): Promise<string> {
    if (this.#running.size >= callsMax) {
      return failed(
        new XylemError("THROTTLING_QUOTA_EXCEEDED", `${callsMax} commands run already`),
      );
    }
    this.#running.add(calling);
    try {
      return done(await this.#onCall({ ...parse(line), ...this.#link(socket, calling) }));
    } catch (error) {
      return failed(error);
    } finally {
      this.#running.delete(calling);
    }
  }

  #link(socket: Socket, { signal }: AbortController): Pick<HolderCall, "signal" | "progress"> {
    const progress = (state: unknown): void => {
      if (signal.aborted || socket.writableLength > progressBytesMax) return;
      socket.write(`progress ${JSON.stringify(state)}\n`);
    };
    return { signal, progress };
  }
}

function parse(line: string): Pick<HolderCall, "command" | "argument"> {
  const [, command = "", text = ""] = /^(\S+) (.*)$/s.exec(line) ?? [];
  try {
    if (command !== "") return { command, argument: JSON.parse(text) as unknown };
  } catch (error) {
    throw new XylemError("INVALID_REQUEST", `the argument of ${command} is no JSON`, {
      cause: error,
    });
  }
  throw new XylemError("INVALID_REQUEST", "a call is a command and its argument in JSON");
}

function done(answer: unknown): string {
  const line = `done ${JSON.stringify(answer ?? null)}\n`;
  if (line.length <= answerLengthMax) return line;
  return failed(new XylemError("MESSAGE_TOO_LARGE", "the answer is too long: ask for less"));
}

/** Only what is meant for clients leaves this process. */
function failed(error: unknown): string {
  const { code, message } =
    error instanceof XylemError
      ? error
      : { code: "UNKNOWN_SERVER_ERROR", message: "the call failed; the node's log says why" };
  return `failed ${JSON.stringify({ code, detail: message })}\n`;
}
