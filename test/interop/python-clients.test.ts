import { afterAll, beforeAll, expect, test } from "vitest";
import { startBroker, type BrokerProcess } from "../support/broker-process.ts";
import { run } from "../support/child-process.ts";
import { pythonEnvironment } from "../support/python-environment.ts";
import { repositoryRoot } from "../support/repository.ts";
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
    [python, broker] = await Promise.all([
      pythonEnvironment("kafka", `${scripts}/requirements.txt`),
      startBroker(),
    ]);
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
