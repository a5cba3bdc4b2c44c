// `npm run cluster -- [--nodes 3]`: that many nodes on one etcd, all on loopback, until Ctrl-C.
// Data lies in temporary folders that go when it ends. Of three nodes or more any may be killed:
// topics have three replicas, of which two have to have a record. What starts a killed node again
// is printed.
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeTemporaryFolder, removeFolder } from "../test/support/temporary-folder.ts";
import { reasonToSkip } from "../test/support/tools.ts";
import { XylemCluster } from "../test/support/xylem-cluster.ts";

const nodesMax = 99;
const onlyOwner = { mode: 0o600 };

/** How many nodes; ends the process where that can not be. */
function readNodeCount(): number {
  const given = readNodes();
  const count = /^\d+$/.test(given) ? Number(given) : 0;
  if (count < 1 || count > nodesMax) {
    return fail(`--nodes takes a number from 1 to ${nodesMax}, not "${given}"`, 2);
  }
  return count;
}

function readNodes(): string {
  try {
    return parseArgs({ options: { nodes: { type: "string", default: "3" } } }).values.nodes;
  } catch (error) {
    // Node explains on what else might have been meant, which here it never was.
    const [what = ""] = String((error as Error).message).split(". ");
    return fail(`${what}; there is: --nodes <count>`, 2);
  }
}

function fail(message: string, code: number): never {
  console.error(`xylem: ${message}`);
  process.exit(code);
}

/** A file of settings for each node, by which it starts again where it was; answers their paths. */
function writeSettings(folder: string, cluster: XylemCluster, shared: object): string[] {
  return cluster.ids.map((id) => {
    const { port, dataFolder: data } = cluster.node(id);
    const coordinator = `etcd://${cluster.etcd.address}`;
    const own = { "node.id": id, port, data, coordinator, "cluster.expect": cluster.ids.length };
    const file = join(folder, `node${id}.yaml`);
    // JSON is YAML.
    writeFileSync(file, `${JSON.stringify({ ...own, ...shared }, null, 2)}\n`, onlyOwner);
    return file;
  });
}

const nodeCount = readNodeCount();
if (reasonToSkip(["etcd"]) !== undefined) {
  fail("there is no etcd on the PATH; install it first (Debian: apt-get install etcd-server)", 1);
}
const ended = Promise.withResolvers<void>();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => ended.resolve());

const folder = makeTemporaryFolder("cluster");
const secretFile = join(folder, "secret.txt");
writeFileSync(secretFile, randomBytes(24).toString("hex"), onlyOwner);
const replicas = Math.min(nodeCount, 3);
const shared = {
  "cluster.secret": `file:${secretFile}`,
  "default.replication.factor": String(replicas),
  "min.insync.replicas": String(Math.max(replicas - 1, 1)),
};
const cluster = await XylemCluster.start(nodeCount, shared);
console.log(`etcd    ${cluster.etcd.address}`);
for (const id of cluster.ids) {
  const { bootstrap, pid, dataFolder } = cluster.node(id);
  console.log(`node ${id}  kafka ${bootstrap}  http://${bootstrap}  pid ${pid}  ${dataFolder}`);
}
console.log("\nA node that was killed starts again, in a terminal of its own, by:");
for (const file of writeSettings(folder, cluster, shared)) {
  console.log(`npm start -- --config ${file}`);
}
const brokers = cluster.ids.map((id) => cluster.node(id).bootstrap);
console.log(`\nbootstrap.servers=${brokers.join(",")}\nCtrl-C ends all of them.`);
await ended.promise;
await cluster.stop();
removeFolder(folder);
