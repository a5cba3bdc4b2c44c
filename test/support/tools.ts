import { spawnSync } from "node:child_process";
import { consulProgram } from "./consul-program.ts";
import { earlierCommit } from "./earlier-commit.ts";

/** Programs that some tests need and a machine may lack; how to see that one is there. */
const probes = {
  curl: ["curl", "--version"],
  kcat: ["kcat", "-V"],
  etcd: ["etcd", "--version"],
  consul: [consulProgram, "version"],
  chromium: ["chromium", "--version"],
  zsh: ["zsh", "--version"],
  fish: ["fish", "--version"],
  java: ["javac", "-version"],
  maven: ["mvn", "-v"],
  python: ["python3", "-m", "venv", "-h"],
  go: ["go", "version"],
  history: ["git", "cat-file", "-e", earlierCommit],
  netns: ["sh", "-c", "n=xyprobe$$; ip netns add $n && ip netns del $n"],
  tmpfs: ["sh", "-c", 'd=$(mktemp -d); mount -t tmpfs tmpfs "$d" && umount "$d" && rmdir "$d"'],
} as const;

export type Tool = keyof typeof probes;

const found = new Map<Tool, boolean>();

function has(tool: Tool): boolean {
  const known = found.get(tool);
  if (known !== undefined) return known;
  const [command, ...args] = probes[tool];
  const isThere = spawnSync(command, args, { stdio: "ignore" }).status === 0;
  found.set(tool, isThere);
  return isThere;
}

/** Why a test that needs `tools` cannot run here; undefined when it can. */
export function reasonToSkip(tools: readonly Tool[]): string | undefined {
  const missing = tools.filter((tool) => !has(tool));
  return missing.length === 0 ? undefined : `needs ${missing.join(", ")}: not on this machine`;
}
