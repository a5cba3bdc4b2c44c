import type { Ended, Moved } from "../answers.ts";
import type { NodeAddress } from "../node-address.ts";
import type { ListedRecord } from "../record-json.ts";
import { XylemClientError } from "../xylem-client-error.ts";
import type { LiveDelivery, LiveSource, LiveWish } from "./live-source.ts";
import { SocketInbox } from "./socket-inbox.ts";

/** Records that the node may send before some of them are taken. */
const creditsMax = 1_000;
/** Given back in one command. */
const creditsBack = creditsMax / 2;
const subscription = "s";

interface Reply {
  readonly type: "reply";
  readonly id: string;
  readonly ok: boolean;
  readonly cursor?: string;
  readonly error: { code: string; status: number; detail: string; retriable: boolean };
}

type Told =
  | { readonly type: "records"; readonly cursor: string; readonly records: ListedRecord[] }
  | ({ readonly type: "moved"; readonly cursor: string } & Moved)
  | ({ readonly type: "ended"; readonly cursor: string } & Ended);

/** A WebSocket with credits: no more records are on their way than there is room for. */
export function socketSource(address: NodeAddress): LiveSource {
  return async function* read(wish) {
    const url = await address.current();
    wish.signal.throwIfAborted();
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/socket`);
    const inbox = new SocketInbox(socket, wish.signal, wish.silenceMs);
    try {
      await inbox.open().catch((error: unknown) => {
        if (!wish.signal.aborted) address.leave(url);
        throw error;
      });
      inbox.send({ type: "subscribe", id: "subscribe", subscription, ...fieldsOf(wish) });
      yield* deliver(inbox);
    } finally {
      inbox.close();
    }
  };
}

function fieldsOf({ topics, from, cursor, filter }: LiveWish): object {
  return { topics, from, cursor, filter, credits: creditsMax };
}

async function* deliver(inbox: SocketInbox): AsyncGenerator<LiveDelivery, void, undefined> {
  let takenCount = 0;
  for (;;) {
    const told = JSON.parse(await inbox.next()) as Told | Reply;
    if (told.type === "reply") {
      // Credits are refused when all topics have ended: then so has the subscription.
      if (told.id === "credit" && !told.ok) return;
      if (!told.ok) throw refused(told);
      if (told.id === "subscribe") yield { cursor: told.cursor ?? "", records: [] };
      continue;
    }
    yield toDelivery(told);
    takenCount += told.type === "records" ? told.records.length : 0;
    if (takenCount < creditsBack && told.type !== "ended") continue;
    inbox.send({ type: "credit", id: "credit", subscription, credits: Math.max(1, takenCount) });
    takenCount = 0;
  }
}

function toDelivery(told: Told): LiveDelivery {
  const { cursor } = told;
  if (told.type === "records") return { cursor, records: told.records };
  if (told.type === "moved") {
    const { topic, partition, from, to } = told;
    return { cursor, records: [], moved: { topic, partition, from, to } };
  }
  const { topic, partition, code, detail } = told;
  const ended = { topic, code, detail, ...(partition !== undefined && { partition }) };
  return { cursor, records: [], ended };
}

function refused({ error }: Reply): XylemClientError {
  const { code, status, retriable, detail } = error;
  return new XylemClientError(detail, { code, status, retriable, fields: error });
}
