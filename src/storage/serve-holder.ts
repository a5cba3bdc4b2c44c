import type { Socket } from "node:net";
import { callLengthMax, callWord, type HolderCalls, idleMsMax } from "./holder-calls.ts";

export interface HolderAnswers {
  /** What `whose` is answered; unique where process ids are not. */
  readonly name: string;
  readonly onStop: () => void;
  readonly calls: HolderCalls;
}

const wordLengthMax = 64;

/**
 * One line in: `ping`, `stop`, or `whose` of a process that binds, each answered by a line; or a
 * call (HolderCalls). The socket is open to this process's user alone.
 */
export function serveHolder(socket: Socket, options: HolderAnswers): void {
  let received = "";
  socket.unref();
  socket.setEncoding("utf8");
  socket.setTimeout(idleMsMax, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  const take = (text: string): void => {
    received += text;
    if (received.length > lengthMax(received)) socket.destroy();
    const end = received.indexOf("\n");
    if (end < 0 || socket.destroyed) return;
    socket.off("data", take).resume();
    answer(socket, received.slice(0, end).trim(), options);
  };
  socket.on("data", take);
}

function lengthMax(received: string): number {
  return received.startsWith(callWord) ? callLengthMax : wordLengthMax;
}

function answer(socket: Socket, line: string, { name, onStop, calls }: HolderAnswers): void {
  if (line === "ping") socket.end(`pong ${process.pid}\n`);
  else if (line === "stop") socket.end(`stopping ${process.pid}\n`, onStop);
  else if (line === "whose") socket.end(`${name}\n`);
  else if (line.startsWith(callWord)) void calls.answer(socket, line.slice(callWord.length));
  else socket.end("unknown\n");
}
