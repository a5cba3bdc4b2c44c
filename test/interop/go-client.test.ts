import { afterAll, beforeAll, expect, test } from "vitest";
import { startBroker, type BrokerProcess } from "../support/broker-process.ts";
import { run } from "../support/child-process.ts";
import { RawClient } from "../support/raw-client.ts";
import { cacheFolder, repositoryRoot } from "../support/repository.ts";
import { describeWith } from "../support/skips.ts";

const recordCount = 500;

describeWith(["go"], "franz-go", () => {
  let broker: BrokerProcess;
  const program = `${cacheFolder("go")}/interop`;

  beforeAll(async () => {
    const cwd = `${repositoryRoot}/test/interop/go`;
    const build = ["build", "-o", program, "."];
    const [built, started] = await Promise.all([
      run("go", build, { cwd, timeoutMs: 240_000 }),
      startBroker(),
    ]);
    broker = started;
    expect(built.code, built.stderr).toBe(0);
  }, 300_000);

  afterAll(() => broker.stop());

  test("writes idempotently, reads as a group and resumes where it stopped", async () => {
    const client = await RawClient.open(broker.port);
    await client.createTopic("go-topic", { partitions: 2 });
    client.close();
    const outcome = await run(program, [broker.bootstrap, "go-topic"], { timeoutMs: 240_000 });
    expect(outcome.code, outcome.stderr).toBe(0);
    const seen = JSON.parse(outcome.stdout) as { offsets: number[]; values: string[] };
    const indexes = Array.from({ length: recordCount }, (_, index) => index);
    expect(seen.offsets).toEqual(indexes.map((index) => Math.floor(index / 2)));
    expect(new Set(seen.values)).toEqual(new Set(indexes.map((index) => `v${index}`)));
    expect(seen.values).toHaveLength(recordCount);
  });
});
