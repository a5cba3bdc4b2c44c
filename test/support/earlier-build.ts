import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { run } from "./child-process.ts";
import { repositoryRoot } from "./repository.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

/**
 * Builds an earlier commit in a folder of its own, which goes when this process ends, with the
 * packages that are installed here. Answers the folder.
 */
export async function buildEarlier(commit: string): Promise<string> {
  const folder = makeTemporaryFolder("earlier");
  await succeed("git", ["clone", "--quiet", "--shared", repositoryRoot, folder], folder);
  await succeed("git", ["checkout", "--quiet", "--detach", commit], folder);
  const packages = join(repositoryRoot, "node_modules");
  symlinkSync(packages, join(folder, "node_modules"));
  const compiler = join(packages, "typescript/bin/tsc");
  await succeed(process.execPath, [compiler, "-b", "src", "src/client", "src/cli"], folder);
  await succeed(process.execPath, ["scripts/bundle.ts"], folder);
  return folder;
}

async function succeed(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { code, stdout, stderr } = await run(program, args, { cwd, timeoutMs: 300_000 });
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${stdout}${stderr}`);
}
