import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Child, run } from "../support/child-process.ts";
import { repositoryRoot } from "../support/repository.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";

const folder = makeTemporaryFolder("tarball");
afterAll(() => removeFolder(folder));

test("the packed package, installed in an empty folder, starts, serves and embeds", async () => {
  const packed = await run("npm", ["pack", "--silent", "--pack-destination", folder], {
    cwd: repositoryRoot,
  });
  expect(packed.code, packed.stderr).toBe(0);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  const install = ["install", "--prefer-offline", "--no-audit", "--no-fund", `./${tarball}`];
  const installed = await run("npm", install, { cwd: folder, timeoutMs: 240_000 });
  expect(installed.code, installed.stderr).toBe(0);

  const program = join(folder, "node_modules", ".bin", "xylem");
  const node = new Child(program, ["start", "--port=0", "--data=./data"], { cwd: folder });
  const [, bootstrap = ""] = await node.waitForOutput(/^xylem ready kafka=(\S+)/m, 30_000);
  const produced = await run(program, ["produce", "t", "-b", bootstrap], { input: "hello\n" });
  expect(produced).toMatchObject({ code: 0, stdout: "1 record to t\n" });
  expect((await run(program, ["consume", "t", "-b", bootstrap])).stdout).toBe("hello\n");
  expect(await node.end("SIGTERM")).toBe(0);

  writeFileSync(
    join(folder, "embed.js"),
    `import { Xylem } from "xylem";
     import { XylemClient } from "xylem/client";
     import { TestBroker } from "xylem/testing";
     const broker = await Xylem.start({ data: "./data" });
     for await (const record of (await broker.topic("t")).read()) console.log(record.text());
     console.log(await new XylemClient(broker.url).ready());
     await broker.close();
     await (await TestBroker.start()).close();`,
  );
  const embedded = await run(process.execPath, ["embed.js"], { cwd: folder });
  expect(embedded).toMatchObject({ code: 0, stdout: "hello\ntrue\n" });
});
