import fc from "fast-check";
import { expect, test } from "vitest";
import type { ClientRecord, ListedRecord } from "../record-json.ts";
import { connectionFailed, XylemClientError } from "../xylem-client-error.ts";
import type { LiveDelivery, LiveSource } from "./live-source.ts";
import { Subscription, type SubscriptionEvent } from "./live-subscription.ts";

function recordAt(partition: number, offset: number): ListedRecord {
  const rest = { timestamp: 0, key: null, keyEncoding: "text", headers: {} } as const;
  return { topic: "t", partition, offset, ...rest, encoding: "json", value: offset };
}

type Run = readonly [partition: number, count: number];

/** A node that has `runs` of records; its cursors say which run is next, as one server's would. */
function nodeOf(runs: readonly Run[], loseAfter: () => number): LiveSource {
  const ends = new Map<number, number>();
  const deliveries = runs.map(([partition, count]): readonly ListedRecord[] => {
    const first = ends.get(partition) ?? 0;
    ends.set(partition, first + count);
    return Array.from({ length: count }, (_, at) => recordAt(partition, first + at));
  });
  return async function* read({ cursor }): AsyncGenerator<LiveDelivery, void, undefined> {
    let left = loseAfter();
    const start = Number(cursor ?? 0);
    yield { cursor: String(start), records: [] };
    for (let at = start; at < deliveries.length; at += 1) {
      if (left-- === 0) throw connectionFailed("lost");
      yield { cursor: String(at + 1), records: deliveries[at] ?? [] };
    }
  };
}

async function takeAll(source: AsyncIterable<ClientRecord>): Promise<ClientRecord[]> {
  const records: ClientRecord[] = [];
  for await (const record of source) records.push(record);
  return records;
}

const retryDelays = { initialMs: 0, mostMs: 0 };
const placesOf = (records: readonly ClientRecord[]) =>
  records.map(({ partition, offset }) => `${partition}:${offset}`);

test("lost connections and kept cursors leave no gap and no duplicate", async () => {
  const runs = fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 4 })), { maxLength: 8 });
  const chances = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 5 });
  const reloads = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(runs, chances, reloads, async (given, losses, takes) => {
      let connections = 0;
      const node = nodeOf(given, () => losses[connections++ % losses.length] ?? 1);
      const wanted = await takeAll(
        new Subscription(
          nodeOf(given, () => -1),
          ["t"],
          {},
        ),
      );
      const seen: ClientRecord[] = [];
      let cursor: string | undefined;
      for (const take of [...takes, Infinity]) {
        const options = { retryDelays, ...(cursor !== undefined && { cursor }) };
        const subscription = new Subscription(node, ["t"], options);
        let taken = 0;
        for await (const record of subscription) {
          seen.push(record);
          if (++taken === take) break;
        }
        cursor = subscription.cursor;
      }
      expect(placesOf(seen)).toEqual(placesOf(wanted));
    }),
  );
});

test("what a retry can not mend ends it, and each step is told", async () => {
  const events: SubscriptionEvent[] = [];
  let connections = 0;
  const facts = { status: 404, code: "UNKNOWN_TOPIC_OR_PARTITION", retriable: true, fields: {} };
  const source: LiveSource = async function* read() {
    connections += 1;
    yield { cursor: "0", records: [] };
    throw connections < 3 ? connectionFailed("lost") : new XylemClientError("gone", facts);
  };
  const options = { retryDelays, onEvent: (event: SubscriptionEvent) => events.push(event) };
  const subscription = new Subscription(source, ["t"], options);
  await expect(takeAll(subscription)).rejects.toMatchObject({ status: 404 });
  const kinds = events.map(({ kind }) => kind);
  expect(kinds).toEqual(["open", "retry", "open", "retry", "open", "closed"]);
});

test("closing ends the iteration in silence; a signal ends it with its reason", async () => {
  const waiting: LiveSource = async function* read({ signal }) {
    yield { cursor: "0", records: [] };
    await new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
  };
  const closed = new Subscription(waiting, ["t"], {});
  setTimeout(() => closed.close(), 5);
  expect(await takeAll(closed)).toEqual([]);
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("enough")), 5);
  const stopped = new Subscription(waiting, ["t"], { signal: stop.signal });
  await expect(takeAll(stopped)).rejects.toThrow("enough");
});
