import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { repositoryRoot } from "./repository.ts";

const installed = "consul";
const isInstalled = spawnSync(installed, ["version"], { stdio: "ignore" }).status === 0;

/** Consul as the machine has it, or as `npm test` unpacked it from Debian. */
export const consulProgram = isInstalled
  ? installed
  : join(repositoryRoot, ".cache/consul/usr/bin/consul");
