import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Child, run } from "../support/child-process.ts";
import { findFreePort } from "../support/free-port.ts";
import { repositoryRoot } from "../support/repository.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { reasonToSkip } from "../support/tools.ts";

const program = join(repositoryRoot, "examples/browser-live-tail/serve.mjs");
const flags = ["--no-sandbox", "--disable-quic", "--disable-background-networking"];
const patience = { timeout: 20_000 };
const skipReason = reasonToSkip(["chromium"]);

let browser: Browser | undefined;
let folder: string;
let port: number;
let server: Child;

beforeAll(async () => {
  if (skipReason !== undefined) return;
  const { stdout } = await run("sh", ["-c", "command -v chromium"]);
  browser = await chromium.launch({ executablePath: stdout.trim(), args: flags });
});

afterAll(() => browser?.close());

beforeEach(async () => {
  folder = makeTemporaryFolder("live-tail");
  port = await findFreePort();
  server = await serve();
});

afterEach(async () => {
  await server.end("SIGINT");
  removeFolder(folder);
});

async function serve(): Promise<Child> {
  const child = new Child(process.execPath, [program], { cwd: folder, env: { PORT: `${port}` } });
  await child.waitForOutput(/^open .+/m, 20_000);
  return child;
}

/** Offsets on the page, oldest first. */
async function offsetsOn(page: Page): Promise<number[]> {
  const values = await page.$$eval("#records li", (items) =>
    items.map((item) => (item as HTMLLIElement).value),
  );
  return values.toReversed();
}

const counted = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

test("the page shows every record once, through a reload and a restart", async (context) => {
  if (browser === undefined) return context.skip(skipReason ?? "no browser");
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  const shows = async (count: number): Promise<void> => {
    await expect.poll(async () => (await offsetsOn(page)).length, patience).toBeGreaterThan(count);
    const offsets = await offsetsOn(page);
    expect(offsets).toEqual(counted(offsets.length));
  };
  await shows(2);
  await page.reload();
  await shows(3);
  await server.end("SIGINT");
  server = await serve();
  await shows(6);
  await page.close();
});
