import type { Ended, Moved } from "../answers.ts";
import type { NodeCalls } from "../node-calls.ts";
import type { ListedRecord } from "../record-json.ts";
import { connectionFailed, timedOut } from "../xylem-client-error.ts";
import { EventParser, type StreamEvent } from "./event-parser.ts";
import type { LiveDelivery, LiveSource, LiveWish } from "./live-source.ts";

/** Server-sent events by `fetch`, which can be slowed down and tells why it was refused. */
export function eventSource(calls: NodeCalls): LiveSource {
  return async function* read(wish) {
    const stop = new AbortController();
    const signal = AbortSignal.any([wish.signal, stop.signal]);
    try {
      const response = await calls.open("/v1/records", {
        query: { topic: wish.topics, from: wish.from, cursor: wish.cursor, ...wish.filter },
        headers: { accept: "text/event-stream" },
        signal,
      });
      const body = response.body?.getReader();
      if (body === undefined) throw connectionFailed("the answer has no body");
      yield* deliver(body, wish);
    } finally {
      stop.abort();
    }
  };
}

async function* deliver(
  body: ReadableStreamDefaultReader<Uint8Array>,
  wish: LiveWish,
): AsyncGenerator<LiveDelivery, void, undefined> {
  const parser = new EventParser();
  const decoder = new TextDecoder();
  let isOver = false;
  for (;;) {
    const bytes = await readSome(body, wish);
    // Only behind the last topic's end the node ends a stream of its own.
    if (bytes === undefined && isOver) return;
    if (bytes === undefined) throw connectionFailed("the stream ended");
    for (const event of parser.push(decoder.decode(bytes, { stream: true }))) {
      isOver = event.name === "ended";
      yield toDelivery(event);
    }
  }
}

async function readSome(
  body: ReadableStreamDefaultReader<Uint8Array>,
  { silenceMs, signal }: LiveWish,
): Promise<Uint8Array | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(timedOut(silenceMs)), silenceMs);
  });
  try {
    return (await Promise.race([body.read(), silence])).value;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw connectionFailed(error);
  } finally {
    clearTimeout(timer);
  }
}

function toDelivery({ id: cursor, name, data }: StreamEvent): LiveDelivery {
  if (data === undefined) return { cursor, records: [] };
  const told: unknown = JSON.parse(data);
  if (name === "moved") return { cursor, records: [], moved: told as Moved };
  if (name === "ended") return { cursor, records: [], ended: told as Ended };
  return { cursor, records: [told as ListedRecord] };
}
