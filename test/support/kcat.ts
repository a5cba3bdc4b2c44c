import { run, type ChildOptions, type Outcome } from "./child-process.ts";

export const codecs = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

export type Codec = (typeof codecs)[number];

/** Runs kcat against `bootstrap`; fails unless it ends with 0. */
export async function kcat(
  bootstrap: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<Outcome> {
  const all = ["-b", bootstrap, "-X", "broker.address.family=v4", ...args];
  const outcome = await run("kcat", all, { ...options, timeoutMs: 600_000 });
  if (outcome.code !== 0) throw new Error(`kcat ${args.join(" ")}: ${outcome.stderr}`);
  return outcome;
}
