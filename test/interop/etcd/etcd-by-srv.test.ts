import { afterAll, beforeAll, expect, test } from "vitest";
import { mergeSettings } from "../../../src/base/settings/merge-settings.ts";
import { type RunningNode, startNode } from "../../../src/node/start-node.ts";
import { DnsServer } from "../../support/dns-server.ts";
import { EtcdServer } from "../../support/etcd.ts";
import { CutProxy } from "../../support/cut-proxy.ts";
import { KeptLog } from "../../support/kept-log.ts";
import { describeWith } from "../../support/skips.ts";
import { makeTemporaryFolder, removeFolder } from "../../support/temporary-folder.ts";
import { waitUntil } from "../../support/wait-until.ts";

const name = "_etcd._tcp.example.test";

describeWith(["etcd"], "a node that finds etcd by its SRV records", () => {
  let etcd: EtcdServer;
  let dns: DnsServer;
  const folder = makeTemporaryFolder("by-srv");
  const log = new KeptLog();

  const start = (): Promise<RunningNode> => {
    const texts = new Map([
      ["coordinator", `etcd+srv://${name}`],
      ["coordinator.dns.servers", dns.address],
      ["coordinator.dns.interval.ms", "200"],
      ["cluster.secret", "a secret of enough characters"],
      ["data", folder],
      ["port", "0"],
    ]);
    return startNode({ ...mergeSettings([{ origin: "the test", texts }]), log });
  };

  beforeAll(async () => {
    [etcd] = (await EtcdServer.startAll(1)) as [EtcdServer];
    dns = await DnsServer.open();
    dns.setHost("etcd.example.test", "127.0.0.1");
  });
  afterAll(async () => {
    dns.close();
    await etcd.stop();
    removeFolder(folder);
  });

  test("says so, and does not start, when the name has none", async () => {
    await expect(start()).rejects.toThrow(`DNS has no SRV records of ${name}`);
  });

  test("goes on where changed records say, without a restart", async () => {
    const first = await CutProxy.open(etcd.port);
    const second = await CutProxy.open(etcd.port);
    const say = (port: number): void => dns.setSrv(name, [{ target: "etcd.example.test", port }]);
    say(first.port);
    const node = await start();
    const isMade = async (topic: string): Promise<boolean> => {
      const answer = await fetch(`${node.url}/v1/topics/${topic}`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ partitions: 1 }),
      });
      return answer.ok;
    };
    try {
      expect(await isMade("before")).toBe(true);
      expect([first.acceptedCount > 0, second.acceptedCount]).toEqual([true, 0]);
      say(second.port);
      await waitUntil("the new address is used", () => Promise.resolve(second.acceptedCount > 0));
      first.cut();
      expect(await isMade("after")).toBe(true);
      expect(log.withLevel("info").map(({ message }) => message)).toContain(
        "the coordinator's addresses changed",
      );
    } finally {
      await node.stop();
      first.close();
      second.close();
    }
  });
});
