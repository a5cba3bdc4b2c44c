import { afterAll, beforeAll } from "vitest";
import { silentLog } from "../../../src/base/log.ts";
import { EtcdCoordinator } from "../../../src/coordination/etcd/etcd-coordinator.ts";
import { systemClock } from "../../../src/node/system-clock.ts";
import { SystemRandom } from "../../../src/node/system-random.ts";
import { clusterCoordinatorContract } from "../../contracts/cluster-coordinator.contract.ts";
import { coordinatorContract } from "../../contracts/coordinator.contract.ts";
import { CutProxy } from "../../support/cut-proxy.ts";
import { EtcdServer } from "../../support/etcd.ts";
import { describeWith } from "../../support/skips.ts";

describeWith(["etcd"], "a coordinator over a real etcd", () => {
  let server: EtcdServer;
  let clusters = 0;

  beforeAll(async () => {
    [server] = (await EtcdServer.startAll(1)) as [EtcdServer];
  });
  afterAll(() => server.stop());

  const connect = (address: string, clusterName: string): EtcdCoordinator =>
    new EtcdCoordinator({
      address: `etcd://${address}`,
      clusterName,
      clock: systemClock,
      random: new SystemRandom(),
      log: silentLog,
    });

  coordinatorContract("etcd", () => {
    const name = `alone-${(clusters += 1)}`;
    const open = () => Promise.resolve(connect(server.address, name));
    return { open, reopen: open };
  });

  clusterCoordinatorContract("etcd", () => {
    const name = `shared-${(clusters += 1)}`;
    const closers: (() => Promise<void>)[] = [];
    return Promise.resolve({
      ttlMs: 2_000,
      lateMsMax: 1_500,
      connect: async () => {
        const proxy = await CutProxy.open(server.port);
        const coordinator = connect(`127.0.0.1:${proxy.port}`, name);
        closers.push(async () => {
          await coordinator.close();
          proxy.close();
        });
        const [cut, mend] = [() => proxy.cut(), () => proxy.mend()];
        return { coordinator, clock: systemClock, cut, mend };
      },
      pass: (durationMs) => new Promise((resolve) => setTimeout(resolve, durationMs)),
      compact: () => server.compact(),
      close: async () => {
        for (const close of closers) await close();
      },
    });
  });
});
