// `npm run proto`: the TypeScript of proto/ in src/servers/grpc/generated, that of proto/etcd in
// src/coordination/etcd/generated. What it writes is committed, so that neither building nor using
// Xylem needs buf.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const folder = join(import.meta.dirname, "..", "proto");

const others = [["generate", "--template", "buf.gen.etcd.yaml"]];

for (const args of [["lint"], ["format", "--write"], ["generate"], ...others]) {
  const { status } = spawnSync("buf", args, { cwd: folder, stdio: "inherit" });
  if (status !== 0) process.exit(1);
}
