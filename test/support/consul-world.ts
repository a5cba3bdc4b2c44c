import { silentLog } from "../../src/base/log.ts";
import { ConsulCoordinator } from "../../src/coordination/consul/consul-coordinator.ts";
import type { AddressSource } from "../../src/coordination/srv/address-source.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import { SystemRandom } from "../../src/node/system-random.ts";
import type { CoordinatorWorld } from "../contracts/cluster-coordinator.contract.ts";
import { CutProxy } from "./cut-proxy.ts";

export const sleep = (durationMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, durationMs));

export function connectConsul(
  addresses: readonly string[],
  clusterName: string,
  leaseMsMin?: number,
  source?: AddressSource,
): ConsulCoordinator {
  return new ConsulCoordinator({
    address: `consul://${addresses.join(",")}`,
    clusterName,
    clock: systemClock,
    random: new SystemRandom(),
    log: silentLog,
    addresses: source,
    ...(leaseMsMin === undefined ? {} : { leaseMsMin }),
  });
}

/** Clients of one Consul, each behind a network of its own that can be cut. */
export function consulWorld(
  server: { readonly port: number },
  clusterName: string,
  times: { readonly ttlMs: number; readonly lateMsMax: number },
): CoordinatorWorld {
  const closers: (() => Promise<void>)[] = [];
  return {
    ...times,
    connect: async () => {
      const proxy = await CutProxy.open(server.port);
      const coordinator = connectConsul([`127.0.0.1:${proxy.port}`], clusterName, times.ttlMs);
      closers.push(async () => {
        await coordinator.close();
        proxy.close();
      });
      const [cut, mend] = [() => proxy.cut(), () => proxy.mend()];
      return { coordinator, clock: systemClock, cut, mend };
    },
    pass: sleep,
    close: async () => {
      for (const close of closers) await close();
    },
  };
}
