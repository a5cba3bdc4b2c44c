import { setTimeout as sleep } from "node:timers/promises";
import { CommandFailure, exitCodes } from "../exit-codes.ts";
import type { ShownRecord } from "../record-format.ts";
import { callHttp } from "./call-http.ts";
import { parseShown } from "./parse-shown.ts";
import type { ReadingOptions } from "./record-reader.ts";

/** One event of a stream (WHATWG HTML, 9.2). */
interface StreamEvent {
  readonly name: string;
  readonly data: string;
  readonly id: string;
}

const retryMs = 1_000;
/** More text without the end of an event is no event stream of ours. */
const eventLengthMax = 256 * 1_024 * 1_024;

/** Follows over server-sent events; what was cut goes on behind the last record. */
export async function* readOverEvents(
  options: ReadingOptions,
  signal: AbortSignal,
): AsyncGenerator<ShownRecord> {
  let lastEventId: string | undefined;
  while (!signal.aborted) {
    try {
      for await (const event of readEvents(options, lastEventId, signal)) {
        lastEventId = event.id;
        if (event.name === "message" && event.data !== "") yield parseShown(event.data);
        if (event.name === "moved") process.stderr.write(`xylem: moved ${event.data}\n`);
        if (event.name === "ended") throw endOf(event);
      }
    } catch (error) {
      if (signal.aborted) return;
      const isCut = !(error instanceof CommandFailure) || error.exitCode === exitCodes.unreachable;
      if (!isCut || lastEventId === undefined) throw error;
    }
    await sleep(retryMs, undefined, { signal }).catch(() => undefined);
  }
}

async function* readEvents(
  options: ReadingOptions,
  lastEventId: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent> {
  const { topic, partition, from, filter } = options;
  const wish = partition === undefined ? topic : `${topic}:${partition}`;
  const query = new URLSearchParams([
    ["topic", wish],
    ["from", from],
    ...filter.map(([name, value]): [string, string] => [name, value]),
  ]);
  const headers = {
    accept: "text/event-stream",
    ...(lastEventId !== undefined && { "last-event-id": lastEventId }),
  };
  const path = `/v1/records?${query.toString()}`;
  const response = await callHttp(options, path, { headers, signal });
  if (response.body !== null) yield* parseEvents(response.body);
}

/** The events of a body; one that is cut short is none. */
export async function* parseEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  let id = "";
  for await (const chunk of body) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    if (rest.length > eventLengthMax) throw new CommandFailure("an event is too long");
    for (const block of blocks) {
      const event = parseEvent(block, id);
      id = event.id;
      yield event;
    }
  }
}

function parseEvent(block: string, lastId: string): StreamEvent {
  const fields = block.split("\n").map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at), line.slice(at + 1).replace(/^ /, "")] as const;
  });
  const valueOf = (name: string): string | undefined =>
    fields.findLast(([field]) => field === name)?.[1];
  const data = fields.filter(([field]) => field === "data").map(([, text]) => text);
  return {
    name: valueOf("event") ?? "message",
    data: data.join("\n"),
    id: valueOf("id") ?? lastId,
  };
}

function endOf({ data }: StreamEvent): CommandFailure {
  const { code, detail } = JSON.parse(data) as { code: string; detail: string };
  return new CommandFailure(`${detail} (${code})`);
}
