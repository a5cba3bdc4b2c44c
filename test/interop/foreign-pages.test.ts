import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Xylem } from "../../src/index.ts";
import { launchBrowser, Site } from "../support/browser.ts";
import { CutProxy } from "../support/cut-proxy.ts";
import { foreignPage } from "../support/foreign-page.ts";
import { describeWith } from "../support/skips.ts";

const picture =
  '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"><rect width="7" height="7"/></svg>';

const secrets = [
  { value: "a secret" },
  { value: "window.stolen = 'a secret'", headers: { "content-type": "text/javascript" } },
  { value: picture, headers: { "content-type": "image/svg+xml" } },
];

type Saw = Readonly<Record<string, string>>;
declare const attack: (node: string) => Promise<Saw>;

describeWith(["chromium"], "a page in Chromium", () => {
  let browser: Browser;
  let site: Site;
  let xylem: Xylem;

  beforeAll(async () => {
    browser = await launchBrowser(["--host-resolver-rules=MAP evil.test 127.0.0.1"]);
    site = await Site.open({ "/": foreignPage });
  });
  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  beforeEach(() => start({}));
  afterEach(() => xylem.close());

  async function start(settings: Readonly<Record<string, readonly string[]>>): Promise<void> {
    xylem = await Xylem.start({ settings });
    await (await xylem.topic("secrets", { partitions: 1 })).append(secrets);
    await xylem.topic("victim", { partitions: 1 });
  }

  async function restart(settings: Readonly<Record<string, readonly string[]>>): Promise<void> {
    await xylem.close();
    await start(settings);
  }

  /** What a page at `address` saw. `turn`: what happens between its coming and its attack. */
  async function attackFrom(address: string, node: string, turn?: () => void): Promise<Saw> {
    const page = await browser.newPage();
    await page.goto(address);
    turn?.();
    const saw = await page.evaluate((target) => attack(target), node);
    await page.close();
    return saw;
  }

  /** The page's own name leads to its site first and to the node then: a rebound DNS name. */
  async function attackRebound(): Promise<Saw> {
    const name = await CutProxy.open(portOf(site.origin));
    const address = `http://evil.test:${name.port}`;
    try {
      return await attackFrom(address, address, () => name.turnTo(portOf(xylem.url)));
    } finally {
      name.close();
    }
  }

  const portOf = (address: string) => Number(new URL(address).port);

  async function topicNames(): Promise<string[]> {
    const answer = await fetch(`${xylem.url}/v1/topics`);
    const { topics } = (await answer.json()) as { topics: { name: string }[] };
    return topics.map(({ name }) => name);
  }

  async function stored(): Promise<string[]> {
    const texts: string[] = [];
    const topic = await xylem.topic("secrets");
    for await (const record of topic.read()) texts.push(record.text() ?? "");
    return texts;
  }

  async function expectNothing(saw: Saw): Promise<void> {
    // A page that took the node's name may read that it is refused.
    const refused = Object.entries(saw).filter(([, text]) => text.includes('"status":403'));
    expect(saw).toEqual(Object.fromEntries(refused));
    expect(await stored()).toEqual(secrets.map(({ value }) => value));
    expect(await topicNames()).toEqual(["secrets", "victim"]);
    const groups = await fetch(`${xylem.url}/v1/groups`);
    expect(await groups.json()).toMatchObject({ groups: [] });
  }

  test("of another port reads nothing and writes nothing", async () => {
    await expectNothing(await attackFrom(site.origin, xylem.url));
  });

  test("of another site reads nothing and writes nothing", async () => {
    const address = `http://evil.test:${portOf(site.origin)}/`;
    await expectNothing(await attackFrom(address, xylem.url));
  });

  test("whose name was rebound to the node reads nothing and writes nothing", async () => {
    await expectNothing(await attackRebound());
  });

  const readWays = ["get", "get many", "get settings", "events", "socket", "connect read", "group"];
  const writeWays = ["text", "json", "no-cors", "form", "beacon", "socket"];

  async function expectAll(saw: Saw): Promise<void> {
    expect(Object.keys(saw)).toEqual(expect.arrayContaining(readWays));
    expect(saw["get"]).toContain("a secret");
    const foreign = (await stored()).filter((text) => text.includes("foreign"));
    for (const way of writeWays) expect(foreign.join(" ")).toContain(way);
    expect(await topicNames()).not.toContain("victim");
  }

  test("of a listed origin gets through by the same ways", async () => {
    await restart({ "http.cors.origins": [site.origin] });
    await expectAll(await attackFrom(site.origin, xylem.url));
  });

  test("of a name that http.hosts lists gets through by the same ways", async () => {
    await restart({ "http.hosts": ["evil.test"] });
    await expectAll(await attackRebound());
  });
});
