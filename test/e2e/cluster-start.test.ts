import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { findFreePort } from "../support/free-port.ts";
import { repositoryRoot } from "../support/repository.ts";

const run = promisify(execFile);

function start(...settings: string[]): Promise<unknown> {
  const args = ["start", "--memory", "--port=0", ...settings];
  return run(process.execPath, [`${repositoryRoot}/bin/xylem.cjs`, ...args]);
}

test("a node whose coordinator does not answer says so, and ends as failed", async () => {
  const starting = start(
    `--coordinator=etcd://127.0.0.1:${await findFreePort()}`,
    "--cluster.secret=sixteen characters and more",
  );
  const stderr: unknown = expect.stringMatching(/Could not .*no answer from etcd/);
  await expect(starting).rejects.toMatchObject({ code: 1, stderr });
});

test("a coordinator of a kind that is not known is refused by name", async () => {
  await expect(start("--coordinator=consul://127.0.0.1:8500")).rejects.toThrow(/consul:/);
});

test("a node without the cluster's secret leaves nothing at the coordinator", async () => {
  const starting = start(`--coordinator=etcd://127.0.0.1:${await findFreePort()}`);
  const stderr: unknown = expect.stringContaining("cluster.secret is needed in a cluster");
  await expect(starting).rejects.toMatchObject({ code: 1, stderr });
});
