import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { KeptLog } from "../../test/support/kept-log.ts";
import { makeTemporaryFolder } from "../../test/support/temporary-folder.ts";
import { waitUntil } from "../../test/support/wait-until.ts";
import { silentLog } from "../base/log.ts";
import { defaultNodeSettings } from "../base/settings/node-settings.ts";
import type { PeerAddress } from "../broker/ports/peer-links.ts";
import { ConnectionCount } from "./connection-count.ts";
import type { Door } from "./listener-plan.ts";
import { type Doors, ListeningPort } from "./listening-port.ts";
import { type OpenPeers, openPeers, readSecret } from "./open-peers.ts";
import { StartSteps } from "./start-steps.ts";
import { systemClock } from "./system-clock.ts";
import { SystemRandom } from "./system-random.ts";

const secret = "sixteen characters and more";
const started: StartSteps[] = [];
const addresses = new Map<number, PeerAddress>();

afterEach(async () => {
  for (const steps of started.splice(0)) await steps.stop();
  addresses.clear();
});

interface TestNode extends OpenPeers {
  readonly log: KeptLog;
}

async function start(id: number, clusterSecret: string, doors: Door[]): Promise<TestNode> {
  const log = new KeptLog();
  const steps = new StartSteps(silentLog);
  started.push(steps);
  const incarnation = `life-of-${id}`;
  const settings = { ...defaultNodeSettings, "cluster.secret": clusterSecret };
  const secret = await readSecret(steps, { settings });
  const peers = await openPeers(steps, {
    identity: { id, incarnation },
    clusterId: "a-cluster",
    addressOf: (nodeId) => addresses.get(nodeId),
    settings,
    secret,
    clock: systemClock,
    random: new SystemRandom(),
    log,
  });
  const refuse = (): never => {
    throw new Error("no client comes here");
  };
  const behind: Doors = { kafka: refuse, http: refuse, http2: refuse, peer: peers.accept };
  const options = {
    host: "127.0.0.1",
    port: 0,
    doors: new Set(doors),
    setupTimeoutMs: 5_000,
    clock: systemClock,
    connections: new ConnectionCount(() => 100),
    backlogConnections: 10,
  };
  const port = await steps.run(
    "listen",
    () => ListeningPort.open(options, behind, log),
    (opened) => opened.close(),
  );
  addresses.set(id, { host: "127.0.0.1", port: port.port, incarnation });
  return { ...peers, log };
}

test("two nodes link over the port that clients use, the secret being in a file", async () => {
  const path = join(makeTemporaryFolder("peers"), "secret");
  await writeFile(path, `${secret}\n`);
  const one = await start(1, `file:${path}`, ["kafka", "http", "peer"]);
  const two = await start(2, secret, ["peer"]);
  two.links.serve("echo", (_from, body) => Promise.resolve(body));
  one.links.want(2);
  const answer = await one.links.call(2, "echo", Uint8Array.of(1, 2), 30_000);
  expect([...answer]).toEqual([1, 2]);
  expect(two.links.find(1)?.peer).toEqual({ id: 1, incarnation: "life-of-1" });
});

test("a node with another secret is no node, whichever side dials", async () => {
  const one = await start(1, secret, ["peer"]);
  const two = await start(2, `${secret}, but another`, ["peer"]);
  one.links.want(2);
  two.links.want(1);
  const isSaid = ({ log }: TestNode): boolean => log.withLevel("warn").length > 0;
  await waitUntil("both say so", () => isSaid(one) && isSaid(two));
  expect([one.links.find(2), two.links.find(1)]).toEqual([undefined, undefined]);
});

test("what was recorded of a node's handshake links nobody to it again", async () => {
  const one = await start(1, secret, ["peer"]);
  const { port = 0 } = addresses.get(1) ?? {};
  const recorded: Buffer[] = [];
  const between = createServer((socket: Socket) => {
    const onward = connect(port, "127.0.0.1");
    socket.on("data", (bytes) => recorded.push(Buffer.from(bytes)));
    socket
      .on("error", () => undefined)
      .pipe(onward.on("error", () => undefined))
      .pipe(socket);
  });
  between.listen(0, "127.0.0.1");
  await once(between, "listening");
  addresses.set(1, { ...addresses.get(1)!, port: (between.address() as AddressInfo).port });
  const two = await start(2, secret, ["peer"]);
  two.links.want(1);
  await waitUntil("they are linked", () => one.links.find(2) !== undefined);
  await started[1]?.stop();
  await waitUntil("it is over", () => one.links.find(2) === undefined);
  between.close();
  const stranger = connect(port, "127.0.0.1");
  stranger.on("error", () => undefined).write(Buffer.concat(recorded));
  stranger.resume();
  await once(stranger, "close");
  expect(one.links.find(2)).toBeUndefined();
  expect(JSON.stringify(one.log.withLevel("warn"))).toMatch(/proof|secret/);
});

test("a listener that is not for nodes closes their connections, and says so", async () => {
  const one = await start(1, secret, ["peer"]);
  const two = await start(2, secret, ["kafka", "http"]);
  one.links.want(2);
  const words = "connection closed: links between nodes are not served on this listener";
  await waitUntil("it is said", () => two.log.lines.some(({ message }) => message === words));
  expect(one.links.find(2)).toBeUndefined();
});

test("without a secret, or with a short one, the start fails and does not tell it", async () => {
  const missing = start(1, "", ["peer"]);
  await expect(missing).rejects.toThrow("cluster.secret is needed in a cluster");
  const path = join(makeTemporaryFolder("peers"), "secret");
  await writeFile(path, "short");
  const short = start(1, `file:${path}`, ["peer"]);
  await expect(short).rejects.toThrow(`${path} has fewer than 16 characters`);
  await expect(short).rejects.not.toThrow("short ");
});
