import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { XylemClient } from "../../src/client/index.ts";
import { Xylem } from "../../src/index.ts";
import type { BrokerProcess } from "../support/broker-process.ts";
import { bundleClient, launchBrowser, Site } from "../support/browser.ts";
import { CutProxy } from "../support/cut-proxy.ts";
import { describeWith } from "../support/skips.ts";
import { waitUntil } from "../support/wait-until.ts";
import { startXylem } from "../support/xylem-process.ts";
import { KafkajsClient } from "./node-clients/kafkajs-client.ts";

/** Follows `news`, and keeps what it saw together with its cursor over reloads. */
const page = `<!doctype html><title>news</title><script type="module">
  import { XylemClient } from "./client.js";
  const query = new URLSearchParams(location.search);
  const kept = JSON.parse(sessionStorage.getItem("kept") ?? '{"seen":[]}');
  const client = new XylemClient(query.get("node") ?? location.origin);
  window.Client = XylemClient;
  window.events = [];
  const subscription = client.subscribe("news", {
    transport: query.get("transport"),
    from: "earliest",
    ...(kept.cursor && { cursor: kept.cursor }),
    retryDelays: { initialMs: 50, mostMs: 500 },
    onEvent: ({ kind }) => window.events.push(kind),
  });
  window.seenCount = () => kept.seen.length;
  for await (const { partition, offset, value } of subscription) {
    kept.seen.push([partition, offset, value]);
    kept.cursor = subscription.cursor;
    sessionStorage.setItem("kept", JSON.stringify(kept));
  }
</script>`;

type Seen = readonly [partition: number, offset: number, value: string][];

const seenIn = (followed: Page): Promise<Seen> =>
  followed.evaluate(() => {
    const kept = sessionStorage.getItem("kept") ?? '{"seen":[]}';
    return (JSON.parse(kept) as { seen: Seen }).seen;
  });

const eventsIn = (followed: Page): Promise<string[]> =>
  followed.evaluate(() => (globalThis as unknown as { events: string[] }).events);

/** Runs in the page: a member of a group, until it has handled the first record. */
async function consumeNews(): Promise<unknown[]> {
  const client = new (globalThis as unknown as { Client: typeof XylemClient }).Client(
    location.origin,
  );
  const values: unknown[] = [];
  const stop = new AbortController();
  await client.groups.consume("pages", { topics: ["news"], signal: stop.signal }, ({ value }) => {
    values.push(value);
    stop.abort();
  });
  return values;
}

/** In the order of each partition. */
const byPartition = (seen: Seen) => Map.groupBy(seen, ([partition]) => partition);

describeWith(["chromium"], "a page in Chromium", () => {
  let browser: Browser;
  let files: Readonly<Record<string, string>>;

  beforeAll(async () => {
    browser = await launchBrowser();
    files = { "/": page, "/client.js": await bundleClient() };
  });
  afterAll(() => browser?.close());

  test("that came from the node itself follows a topic and shares a group", async () => {
    await using xylem = await Xylem.start({
      routes: (app) => {
        const send = (path: string, type: string) =>
          app.get(path, (_request, reply) => reply.type(type).send(files[path.slice(4)] ?? page));
        send("/app/", "text/html");
        send("/app/client.js", "text/javascript");
      },
    });
    const news = await xylem.topic("news", { partitions: 1 });
    await news.append({ value: "first" });
    for (const transport of ["sse", "websocket"]) {
      const context = await browser.newContext();
      const followed = await context.newPage();
      await followed.goto(`http://${xylem.bootstrap}/app/?transport=${transport}`);
      await waitUntil("it is seen", async () => (await seenIn(followed)).length === 1);
      await context.close();
    }
    const member = await browser.newPage();
    await member.goto(`http://${xylem.bootstrap}/app/`);
    expect(await member.evaluate(consumeNews)).toEqual(["first"]);
    const offsets = await fetch(`${xylem.url}/v1/groups/pages/offsets`);
    expect(await offsets.json()).toMatchObject({ offsets: [{ topic: "news", offset: 1, lag: 0 }] });
  });

  describe("of a listed origin", () => {
    let site: Site;
    let broker: BrokerProcess;
    let proxy: CutProxy;
    let kafka: KafkajsClient;
    let sentCount: number;

    beforeEach(async () => {
      site = await Site.open(files);
      broker = await startXylem({ settings: { "http.cors.origins": site.origin } });
      proxy = await CutProxy.open(broker.port);
      kafka = new KafkajsClient(broker.bootstrap);
      sentCount = 0;
      await kafka.createTopic("news", 2);
    });
    afterEach(async () => {
      await kafka.close();
      proxy.close();
      site.close();
      await broker.stop();
    });

    async function send(count: number): Promise<void> {
      const records = Array.from({ length: count }, () => ({ value: `news ${sentCount++}` }));
      for (const record of records) await kafka.send("news", [record]);
    }

    test.each(["sse", "websocket"])(
      "over %s sees what a Kafka consumer sees, over reloads, cuts and restarts",
      async (transport) => {
        const context = await browser.newContext();
        const followed = await context.newPage();
        const node = encodeURIComponent(`http://127.0.0.1:${proxy.port}`);
        await followed.goto(`${site.origin}/?transport=${transport}&node=${node}`);
        const seesAll = (): Promise<void> =>
          waitUntil("all is seen", async () => (await seenIn(followed)).length >= sentCount);
        await send(20);
        await seesAll();

        const troubles: readonly (() => Promise<unknown>)[] = [
          () => followed.reload(),
          async () => {
            await context.setOffline(true);
            await sleep(200);
            await context.setOffline(false);
          },
          async () => proxy.drop(),
          async () => {
            proxy.cut();
            await sleep(200);
            proxy.mend();
          },
          () => broker.restart(),
          async () => {
            await broker.kill();
            await broker.restart();
          },
        ];
        for (const trouble of troubles) {
          const sending = send(10);
          await trouble();
          await sending;
          await send(5);
          await seesAll();
        }
        expect(await eventsIn(followed)).toEqual(expect.arrayContaining(["open", "retry"]));
        const seen = await seenIn(followed);
        const read: Seen[number][] = [];
        const group = { groupId: "judge", topic: "news" };
        const member = await kafka.join({
          ...group,
          onRecord: ({ partition, offset, value }) =>
            void read.push([partition, offset, String(value)]),
        });
        await waitUntil("Kafka's consumer has read all", () => read.length >= sentCount);
        await member.leave();
        expect(byPartition(seen)).toEqual(byPartition(read));
        await context.close();
      },
    );
  });
});
