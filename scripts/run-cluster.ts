// `npm run cluster -- [--nodes 3]`: that many nodes on one etcd, all on loopback, until Ctrl-C.
// Data lies in temporary folders that go when it ends. Of three nodes or more any may be killed:
// topics have three replicas, of which two have to have a record.
import { parseArgs } from "node:util";
import { XylemCluster } from "../test/support/xylem-cluster.ts";

const { values } = parseArgs({ options: { nodes: { type: "string", default: "3" } } });
const ended = Promise.withResolvers<void>();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => ended.resolve());

const nodeCount = Number(values.nodes);
const replicas = Math.min(nodeCount, 3);
const cluster = await XylemCluster.start(nodeCount, {
  "default.replication.factor": String(replicas),
  "min.insync.replicas": String(Math.max(replicas - 1, 1)),
});
console.log(`etcd    ${cluster.etcd.address}`);
for (const id of cluster.ids) {
  const { bootstrap, pid, dataFolder } = cluster.node(id);
  console.log(`node ${id}  kafka ${bootstrap}  http://${bootstrap}  pid ${pid}  ${dataFolder}`);
}
const brokers = cluster.ids.map((id) => cluster.node(id).bootstrap);
console.log(`\nbootstrap.servers=${brokers.join(",")}\nCtrl-C ends all of them.`);
await ended.promise;
await cluster.stop();
