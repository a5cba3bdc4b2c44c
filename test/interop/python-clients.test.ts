import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBroker, type BrokerProcess } from "../support/broker-process.ts";
import { run } from "../support/child-process.ts";
import { cacheFolder, repositoryRoot } from "../support/repository.ts";
import { describeWith } from "../support/skips.ts";

const scripts = `${repositoryRoot}/test/interop/python`;
const recordCount = 200;

interface RoundTrip {
  readonly offsets: readonly (readonly [partition: number, offset: number])[];
  readonly values: readonly string[];
  readonly ends: readonly number[];
  readonly listed: readonly string[];
}

describeWith(["python"], "Python clients", () => {
  let broker: BrokerProcess;
  let python: string;

  beforeAll(async () => {
    [python, broker] = await Promise.all([environment(), startBroker()]);
  }, 300_000);

  afterAll(() => broker.stop());

  test.each(["kafka-python", "confluent-kafka"])(
    "%s writes, reads as a group and resumes where it stopped",
    async (client) => {
      const topic = `python-${client}`;
      const args = [`${scripts}/round_trip.py`, client, broker.bootstrap, topic];
      const { code, stdout, stderr } = await run(python, args, { timeoutMs: 240_000 });
      expect(code, stderr).toBe(0);
      const seen = JSON.parse(stdout) as RoundTrip;
      const indexes = Array.from({ length: recordCount }, (_, index) => index);
      expect(seen.offsets).toEqual(indexes.map((index) => [index % 2, Math.floor(index / 2)]));
      expect(new Set(seen.values)).toEqual(new Set(indexes.map((index) => `v${index}`)));
      expect(seen.ends).toEqual([recordCount / 2, recordCount / 2]);
      expect(seen.listed).toEqual([topic]);
    },
  );
});

/** A virtual environment with the clients, made once; answers its interpreter. */
async function environment(): Promise<string> {
  const folder = cacheFolder("python");
  const done = `${folder}/bin/confluent-kafka-ready`;
  const interpreter = `${folder}/bin/python`;
  if (existsSync(done)) return interpreter;
  await succeed("python3", ["-m", "venv", folder]);
  const requirements = ["-r", `${scripts}/requirements.txt`];
  await succeed(interpreter, ["-m", "pip", "install", "-q", ...requirements]);
  await succeed("touch", [done]);
  return interpreter;
}

async function succeed(command: string, args: readonly string[]): Promise<void> {
  const outcome = await run(command, args, { timeoutMs: 240_000 });
  if (outcome.code !== 0) throw new Error(`${command} ${args.join(" ")}: ${outcome.stderr}`);
}
