import { existsSync } from "node:fs";
import { run } from "./child-process.ts";
import { cacheFolder } from "./repository.ts";

/** A virtual environment with what a requirements file names, made once; its interpreter. */
export async function pythonEnvironment(name: string, requirements: string): Promise<string> {
  const folder = cacheFolder(`python-${name}`);
  const done = `${folder}/bin/packages-ready`;
  const interpreter = `${folder}/bin/python`;
  if (existsSync(done)) return interpreter;
  await succeed("python3", ["-m", "venv", folder]);
  await succeed(interpreter, ["-m", "pip", "install", "-q", "-r", requirements]);
  await succeed("touch", [done]);
  return interpreter;
}

async function succeed(command: string, args: readonly string[]): Promise<void> {
  const outcome = await run(command, args, { timeoutMs: 240_000 });
  if (outcome.code !== 0) throw new Error(`${command} ${args.join(" ")}: ${outcome.stderr}`);
}
