import { afterAll, beforeAll } from "vitest";
import { clusterCoordinatorContract } from "../../contracts/cluster-coordinator.contract.ts";
import { coordinatorContract } from "../../contracts/coordinator.contract.ts";
import { ConsulAgent } from "../../support/consul.ts";
import { connectConsul, consulWorld } from "../../support/consul-world.ts";
import { describeWith } from "../../support/skips.ts";

describeWith(["consul"], "a coordinator over a real Consul", () => {
  let server: ConsulAgent;
  let clusters = 0;

  beforeAll(async () => {
    [server] = (await ConsulAgent.startServers(1)) as [ConsulAgent];
  });
  afterAll(() => server.stop());

  coordinatorContract("Consul", () => {
    const name = `alone-${(clusters += 1)}`;
    const open = () => Promise.resolve(connectConsul([server.address], name));
    return { open, reopen: open };
  });

  // Its leases last 10 s and end up to 10 s later.
  clusterCoordinatorContract("Consul", () => {
    const times = { ttlMs: 10_000, lateMsMax: 12_000 };
    return Promise.resolve(consulWorld(server, `shared-${(clusters += 1)}`, times));
  });
});
