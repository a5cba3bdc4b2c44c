import { connect } from "node:net";
import { catalogue } from "../base/error-catalogue.ts";
import { type ErrorCode, XylemError } from "../base/errors.ts";
import { systemCode } from "./disk-error.ts";
import { answerLengthMax, callLengthMax, callWord } from "./holder-calls.ts";
import { type LockAddress, lockAddress } from "./lock-address.ts";

export interface CallOptions {
  readonly command: string;
  /** Anything JSON can say. */
  readonly argument: unknown;
  readonly onProgress?: (state: unknown) => void;
}

/** A living holder says at once that it started; what it was asked for may take long. */
const startMsMax = 5_000;

/**
 * Has the process that holds a data directory carry out a command, and answers what that answered.
 * Throws BROKER_NOT_AVAILABLE when nobody holds it or the holder went away, REQUEST_TIMED_OUT when
 * it does not take the call, UNSUPPORTED_VERSION when it knows none, and what the command threw.
 */
export async function callHolder(root: string, options: CallOptions): Promise<unknown> {
  const line = `${callWord}${options.command} ${JSON.stringify(options.argument)}\n`;
  if (line.length > callLengthMax) {
    throw new XylemError("MESSAGE_TOO_LARGE", `the argument of ${options.command} is too long`);
  }
  const address = addressOf(root);
  if (address === undefined) throw absent(root);
  try {
    return await new Promise((resolve, reject) => {
      const call = new Call(root, options, { resolve, reject });
      call.send(address.path, line);
    });
  } finally {
    address.close();
  }
}

interface Outcome {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

class Call {
  readonly #root: string;
  readonly #options: CallOptions;
  readonly #outcome: Outcome;
  #received = "";

  constructor(root: string, options: CallOptions, outcome: Outcome) {
    this.#root = root;
    this.#options = options;
    this.#outcome = outcome;
  }

  send(path: string, line: string): void {
    const socket = connect(path);
    const fail = (error: Error): void => {
      socket.destroy();
      this.#outcome.reject(error);
    };
    socket.setEncoding("utf8");
    socket.setTimeout(startMsMax, () => fail(silent(this.#root)));
    socket.on("connect", () => socket.write(line));
    socket.on("error", (error) => fail(this.#lost(error)));
    socket.on("close", () => fail(this.#lost()));
    socket.on("data", (text: string) => {
      socket.setTimeout(0);
      try {
        if (this.#take(text)) socket.destroy();
      } catch (error) {
        fail(error as Error);
      }
    });
  }

  /** Answers whether the call is over. */
  #take(text: string): boolean {
    this.#received += text;
    let end = this.#received.indexOf("\n");
    for (; end >= 0; end = this.#received.indexOf("\n")) {
      const line = this.#received.slice(0, end);
      this.#received = this.#received.slice(end + 1);
      if (this.#heed(line)) return true;
    }
    if (this.#received.length <= answerLengthMax) return false;
    throw new XylemError("MESSAGE_TOO_LARGE", "the answer is too long");
  }

  #heed(line: string): boolean {
    const at = line.indexOf(" ");
    const word = at < 0 ? line : line.slice(0, at);
    const content = at < 0 ? null : (JSON.parse(line.slice(at)) as unknown);
    if (word === "started") return false;
    if (word === "progress") this.#options.onProgress?.(content);
    else if (word === "done") this.#outcome.resolve(content);
    else if (word === "failed") throw toError(content);
    else throw new XylemError("UNSUPPORTED_VERSION", `the node on ${this.#root} takes no commands`);
    return word === "done";
  }

  #lost(error?: Error): XylemError {
    const code = error && systemCode(error);
    // As in a ping: nobody behind the socket's file, or no such file.
    const isAbsent = code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTSOCK";
    if (isAbsent) return absent(this.#root);
    return new XylemError(
      "BROKER_NOT_AVAILABLE",
      `the node on ${this.#root} went away before it had answered`,
    );
  }
}

function addressOf(root: string): LockAddress | undefined {
  try {
    return lockAddress(root);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function toError(content: unknown): XylemError {
  const { code, detail } = content as { code: string; detail: string };
  const known = Object.hasOwn(catalogue, code) ? (code as ErrorCode) : "UNKNOWN_SERVER_ERROR";
  return new XylemError(known, detail);
}

function absent(root: string): XylemError {
  return new XylemError("BROKER_NOT_AVAILABLE", `no node runs on ${root}`);
}

function silent(root: string): XylemError {
  return new XylemError("REQUEST_TIMED_OUT", `the node on ${root} does not answer`);
}
