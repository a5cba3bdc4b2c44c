import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { mergeSettings } from "../../../src/base/settings/merge-settings.ts";
import { type RunningNode, startNode } from "../../../src/node/start-node.ts";
import { ConsulAgent } from "../../support/consul.ts";
import { KeptLog } from "../../support/kept-log.ts";
import { describeWith } from "../../support/skips.ts";
import { makeTemporaryFolder, removeFolder } from "../../support/temporary-folder.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { XylemCluster } from "../../support/xylem-cluster.ts";

interface Picture {
  readonly controllerId: number;
  readonly nodes: readonly { readonly nodeId: number; readonly status: string }[];
}

/** A session's time, and as much again, in which Consul may end it. */
const sessionMsMax = 25_000;

describeWith(["consul"], "three processes on a real Consul", () => {
  test("have another controller when theirs is killed, and take records", async () => {
    const [consul] = (await ConsulAgent.startServers(1)) as [ConsulAgent];
    const shared = { url: `consul://${consul.address}`, stop: () => consul.stop() };
    const cluster = await XylemCluster.startOn(shared, 3, { "default.replication.factor": "3" });
    onTestFinished(() => cluster.stop());
    await fetch(`http://${cluster.node(1).bootstrap}/v1/topics/orders`, { method: "PUT" });
    await cluster.whenWhole("orders", 3);
    const { controllerId: dead } = await cluster.describe(1);
    const left = cluster.ids.filter((id) => id !== dead);
    const append = async (id: number): Promise<boolean> => {
      const url = `http://${cluster.node(id).bootstrap}/v1/topics/orders/records`;
      return (await fetch(url, { method: "POST", body: "a record" })).ok;
    };
    await cluster.node(dead).kill();
    const diedMs = performance.now();
    await waitUntil("another one has the office, and both know it", async () => {
      const [one, other] = await Promise.all(left.map((id) => cluster.describe(id)));
      const next = one?.controllerId ?? -1;
      return next === other?.controllerId && left.includes(next);
    });
    for (const id of left) await waitUntil("a record is taken", () => append(id));
    const tookMs = performance.now() - diedMs;
    console.log(`another controller, and records taken, after ${Math.round(tookMs)} ms`);
    expect(tookMs).toBeLessThan(sessionMsMax);
  });
});

describeWith(["consul"], "two nodes on a real Consul", () => {
  let consul: ConsulAgent;
  const nodes = new Map<number, RunningNode>();
  const folders: string[] = [];
  const log = new KeptLog();

  const start = async (id: number): Promise<void> => {
    const folder = makeTemporaryFolder(`node${id}`);
    folders.push(folder);
    const texts = new Map([
      ["coordinator", `consul://${consul.address}`],
      ["cluster.secret", "a secret of enough characters"],
      ["cluster.expect", "2"],
      ["node.id", String(id)],
      ["data", folder],
      ["port", "0"],
    ]);
    const merged = mergeSettings([{ origin: "the test", texts }]);
    nodes.set(id, await startNode({ ...merged, log }));
  };
  const url = (id: number): string => (nodes.get(id) as RunningNode).url;
  const picture = async (id: number): Promise<Picture> => {
    return (await (await fetch(`${url(id)}/v1/cluster`)).json()) as Picture;
  };
  const append = async (): Promise<boolean> => {
    const answers = [1, 2].map(async (id) => {
      const place = `${url(id)}/v1/topics/orders/records`;
      const answer = await fetch(place, { method: "POST", body: "a record" });
      await answer.text();
      return answer.ok;
    });
    return (await Promise.all(answers)).some((isTaken) => isTaken);
  };
  const controllerSession = async (): Promise<string | undefined> => {
    const answer = await fetch(`http://${consul.address}/v1/kv/xylem/xylem/controller`);
    if (!answer.ok) return undefined;
    const [pair] = (await answer.json()) as readonly { readonly Session?: string }[];
    return pair?.Session;
  };
  const whenServing = (): Promise<void> =>
    waitUntil("both serve, under one controller", async () => {
      const seen = await Promise.all([1, 2].map(picture));
      const serving = seen.every(({ nodes: known }) => {
        return known.length === 2 && known.every(({ status }) => status === "serving");
      });
      const [one, two] = seen.map(({ controllerId }) => controllerId);
      return serving && one === two && one !== undefined && one > 0;
    });

  beforeAll(async () => {
    [consul] = (await ConsulAgent.startServers(1)) as [ConsulAgent];
    await Promise.all([1, 2].map(start));
  });
  afterAll(async () => {
    await Promise.all([...nodes.values()].map((one) => one.stop()));
    await consul.stop();
    for (const folder of folders) removeFolder(folder);
  });

  test("know each other, elect a controller by its session, and take records", async () => {
    await whenServing();
    expect(await controllerSession()).toBeDefined();
    const made = await fetch(`${url(1)}/v1/topics/orders`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ partitions: 1 }),
    });
    expect(made.ok).toBe(true);
    await waitUntil("a record is taken", append);
  });

  test("whose controller loses its session by hand have one again, under another", async () => {
    const session = (await controllerSession()) as string;
    await consul.put(`session/destroy/${session}`);
    await waitUntil("another session holds the office", async () => {
      const next = await controllerSession();
      return next !== undefined && next !== session;
    });
    await whenServing();
    await waitUntil("a record is taken", append);
  });

  test("serve while Consul is down, until their leases end, and again after it", async () => {
    await consul.kill();
    expect(await append()).toBe(true);
    await waitUntil("nobody takes records", async () => !(await append()));
    await consul.startAgain();
    await whenServing();
    await waitUntil("a record is taken", append);
  });
});
