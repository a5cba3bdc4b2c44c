import { readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Child } from "../support/child-process.ts";
import { batchOf, RawClient, textOf } from "../support/raw-client.ts";
import { repositoryRoot } from "../support/repository.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";

let folder: string;

beforeAll(() => {
  folder = makeTemporaryFolder("memory");
});

afterAll(() => removeFolder(folder));

test("in memory it works, writes no file, and is empty when it starts again", async () => {
  for (let start = 0; start < 2; start += 1) {
    const { child, port } = await startInMemory();
    const client = await RawClient.open(port);
    const { topics } = await client.connection.request("Metadata", 12, { topics: null });
    expect(topics.map((topic) => topic.name)).not.toContain("volatile");
    await client.createTopic("volatile");
    expect(
      (await client.produce(["volatile", 0], batchOf(["kept while it runs"]))).baseOffset,
    ).toBe(0);
    const [record] = await client.readAll(["volatile", 0]);
    expect(textOf(record?.value ?? null)).toBe("kept while it runs");
    client.close();
    expect(await child.end("SIGTERM")).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  }
});

async function startInMemory(): Promise<{ child: Child; port: number }> {
  const args = [`${repositoryRoot}/bin/xylem.cjs`, "start", "--memory", "--port", "0"];
  const child = new Child(process.execPath, args, { cwd: folder });
  const ready = await child.waitForOutput(/xylem ready kafka=127\.0\.0\.1:(\d+) /, 30_000);
  return { child, port: Number(ready[1]) };
}
