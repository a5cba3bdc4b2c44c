import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { isPrinted, readBlocks } from "../support/document-blocks.ts";
import { launcher } from "../support/document-folder.ts";
import { findFreePort } from "../support/free-port.ts";
import { repositoryRoot } from "../support/repository.ts";
import { describeWith } from "../support/skips.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";

const page = readFileSync(join(repositoryRoot, "docs/cluster.md"), "utf8");
const heading = "## Four nodes, step by step\n";
const [, section = ""] = page.split(heading);
const blocks = readBlocks(section.split("\n## ")[0] ?? "");

const timeoutMs = 120_000;

/** The page's ports may be needed for something else: each has another one here. */
const pagePorts = ["2379", "9092", "9192", "9292", "9392"];

/** Sizes of batches differ with the time, what moves with them; and the coordinator's revision. */
const alike = (text: string): string =>
  text
    .replace(/^orders .*$/gm, "orders")
    .replace(/\b\d+-\d+\b/g, "N-N")
    .replace(/\d{4,}/g, "N")
    .replace(/ +/g, " ");

describeWith(["etcd"], "the page about clusters", () => {
  const folder = makeTemporaryFolder("page");
  afterAll(() => removeFolder(folder));

  test("shows how one node becomes four with 25 % each, and what that prints", async () => {
    const ports = new Map<string, number>();
    for (const port of pagePorts) ports.set(port, await findFreePort());
    const placed = (text: string): string =>
      text.replace(/\b\d{4}\b/g, (port) => String(ports.get(port) ?? port));

    const bin = join(folder, "bin");
    mkdirSync(bin);
    const programs = {
      npx: '#!/bin/sh\nexec "$@"\n',
      xylem: launcher(placed("127.0.0.1:9092")),
    };
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(join(bin, name), text);
      chmodSync(join(bin, name), 0o755);
    }
    const commands = blocks.filter(({ language }) => language === "sh");
    const script = commands.map(({ text }) => placed(text)).join("\n");
    writeFileSync(join(folder, "page.sh"), `trap 'kill -9 $(jobs -p)' EXIT\n${script}`);

    const client = placed("http://127.0.0.1:2379");
    const peer = `http://127.0.0.1:${await findFreePort()}`;
    const env = {
      ...process.env,
      PATH: [bin, process.env["PATH"]].join(delimiter),
      ETCD_LISTEN_CLIENT_URLS: client,
      ETCD_ADVERTISE_CLIENT_URLS: client,
      ETCD_LISTEN_PEER_URLS: peer,
      ETCD_INITIAL_ADVERTISE_PEER_URLS: peer,
      ETCD_INITIAL_CLUSTER: `default=${peer}`,
    };
    const printed = commands.map((block) => block.printed ?? "").join("…\n");
    const { stdout, stderr } = await outputOf(folder, env);
    const isSo = isPrinted(alike(stdout), alike(placed(`${printed}…\n`)));
    expect(isSo, `printed:\n${stdout}${stderr}`).toBe(true);
    expect(printed.match(/ 25[.]0 % .*\n/g)).toHaveLength(4);
  });
});

async function outputOf(cwd: string, env: NodeJS.ProcessEnv) {
  const shell = spawn("bash", ["-eu", "page.sh"], { cwd, env, detached: true });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    shell[name].setEncoding("utf8").on("data", (text: string) => (output[name] += text));
  }
  try {
    await once(shell, "close", { signal: AbortSignal.timeout(timeoutMs) });
  } finally {
    endGroup(shell.pid);
  }
  return output;
}

/** Nothing that the page starts outlives it. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // All have ended by themselves.
  }
}
