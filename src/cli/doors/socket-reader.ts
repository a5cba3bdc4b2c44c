import { setTimeout as sleep } from "node:timers/promises";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import type { ShownRecord } from "../record-format.ts";
import { parseShown } from "./parse-shown.ts";
import type { ReadingOptions } from "./record-reader.ts";
import { SocketConnection, type SocketMessage } from "./socket-connection.ts";
import { splitRecords } from "./split-records.ts";

const retryMs = 1_000;
/** Records that may be on their way: no more lie in memory when the output is slow. */
const credits = 2_000;
const subscription = "consume";

/** Follows over a WebSocket; what was cut goes on at the cursor. */
export async function* readOverSocket(
  options: ReadingOptions,
  signal: AbortSignal,
): AsyncGenerator<ShownRecord> {
  let cursor: string | undefined;
  while (!signal.aborted) {
    try {
      for await (const message of follow(options, cursor, signal)) {
        cursor = message.cursor ?? cursor;
        if (message.type === "records") yield* splitRecords(message.text).map(parseShown);
        if (message.type === "moved") process.stderr.write(`xylem: ${message.text}\n`);
        if (message.type === "ended") throw endOf(message);
      }
    } catch (error) {
      if (signal.aborted) return;
      const isCut = !(error instanceof CommandFailure) || error.exitCode === exitCodes.unreachable;
      if (!isCut || cursor === undefined) throw error;
    }
    await sleep(retryMs, undefined, { signal }).catch(() => undefined);
  }
}

/** What one socket brings until it is closed. */
async function* follow(
  options: ReadingOptions,
  cursor: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<SocketMessage> {
  const { topic, partition, from, filter } = options;
  const arrived: SocketMessage[] = [];
  let wake = Promise.withResolvers<void>();
  let isClosed = false;
  const connection = await SocketConnection.open(options, (message) => {
    arrived.push(message);
    wake.resolve();
  });
  const close = (): void => connection.close();
  signal.addEventListener("abort", close);
  void connection.closed.then(() => {
    isClosed = true;
    wake.resolve();
  });
  try {
    const topics = [partition === undefined ? topic : `${topic}:${partition}`];
    const wish = { topics, from, filter: Object.fromEntries(filter), ...(cursor && { cursor }) };
    yield await connection.call({ type: "subscribe", subscription, credits, ...wish });
    while (!isClosed || arrived.length > 0) {
      const message = arrived.shift();
      if (message === undefined) {
        await wake.promise;
        wake = Promise.withResolvers<void>();
        continue;
      }
      yield message;
      const count = message.type === "records" ? splitRecords(message.text).length : 0;
      if (count > 0 && !isClosed) {
        await connection.call({ type: "credit", subscription, credits: count });
      }
    }
  } finally {
    signal.removeEventListener("abort", close);
    connection.close();
  }
}

function endOf({ text }: SocketMessage): CommandFailure {
  const { code, detail } = JSON.parse(text) as { code: string; detail: string };
  return new CommandFailure(`${detail} (${code})`);
}
