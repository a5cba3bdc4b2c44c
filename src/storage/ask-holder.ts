import { connect } from "node:net";
import { XylemError } from "../base/errors.ts";
import { systemCode } from "./disk-error.ts";
import { lockAddress } from "./lock-address.ts";

/**
 * "refused": there is a socket and nobody behind it; "absent": there is none; "silent": somebody
 * holds it who does not answer in time, such as a paused process.
 */
export type HolderAnswer =
  | { readonly kind: "answered"; readonly line: string }
  | { readonly kind: "refused" | "absent" | "silent" };

const answerMsMax = 2_000;
const lineBytesMax = 256;

/**
 * Asks the process that holds a data directory, and answers its line: `pong <pid>` to a ping,
 * `stopping <pid>` to a stop. Undefined when nobody holds it. Throws REQUEST_TIMED_OUT when the
 * holder does not answer.
 */
export async function askHolder(
  root: string,
  command: "ping" | "stop",
): Promise<string | undefined> {
  let address;
  try {
    address = lockAddress(root);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const answer = await ask(address.path, command);
    if (answer.kind === "answered") return answer.line;
    if (answer.kind !== "silent") return undefined;
    throw new XylemError("REQUEST_TIMED_OUT", `the holder of ${root} does not answer`);
  } finally {
    address.close();
  }
}

/** Sends one line to a socket and waits for one. */
export function ask(path: string, command: string): Promise<HolderAnswer> {
  return new Promise((resolve) => {
    let received = "";
    const socket = connect(path);
    const finish = (answer: HolderAnswer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setEncoding("latin1");
    socket.setTimeout(answerMsMax, () => finish({ kind: "silent" }));
    socket.on("connect", () => socket.write(`${command}\n`));
    socket.on("error", (error) => finish({ kind: kindOf(error) }));
    socket.on("close", () => finish({ kind: "silent" }));
    socket.on("data", (text: string) => {
      received += text;
      const end = received.indexOf("\n");
      if (end >= 0) finish({ kind: "answered", line: received.slice(0, end) });
      else if (received.length > lineBytesMax) finish({ kind: "silent" });
    });
  });
}

function kindOf(error: Error): "refused" | "absent" | "silent" {
  const code = systemCode(error);
  if (code === "ENOENT") return "absent";
  // A socket file whose owner died; ENOTSOCK: a plain file in its place, such as a copied one.
  return code === "ECONNREFUSED" || code === "ENOTSOCK" ? "refused" : "silent";
}
