import { buffer } from "node:stream/consumers";
import type { Command } from "commander";
import { bootstrapOption, jsonOption, parseIndex } from "../arguments.ts";
import { callHttp, recordsPath } from "../doors/call-http.ts";
import { readInputs } from "../input/read-lines.ts";
import type { BrokerOptions } from "../kafka-clients.ts";
import { jsonText } from "../record-format.ts";
import { formatJson, printLine, printOutcome } from "../terminal.ts";

interface LatestOptions extends BrokerOptions {
  readonly key?: string;
  readonly partition?: number;
  readonly json?: boolean;
}

/** `xylem latest` and `xylem patch`: the newest record of a key. */
export function addLatestCommands(program: Command): void {
  program
    .command("latest")
    .argument("<topic>")
    .requiredOption("-k, --key <key>", "the record's key")
    .description("print the newest record of a key, over HTTP")
    .option("-p, --partition <index>", "look in this partition", parseIndex)
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExamples:\n  $ xylem latest carts --key alice\n  $ xylem latest carts --key alice --json",
    )
    .action(printLatest);
  program
    .command("patch")
    .argument("<topic>")
    .argument("[patch]", "a JSON Patch (RFC 6902); without it, standard input")
    .description("append the newest document of a topic or key with a patch applied, over HTTP")
    .option("-k, --key <key>", "the key of the document")
    .option("-p, --partition <index>", "the partition of the document", parseIndex)
    .addOption(bootstrapOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Examples:
  $ xylem patch carts --key alice '[{"op":"replace","path":"/total","value":9}]'
  $ xylem patch settings < patch.json`,
    )
    .action(patchLatest);
}

async function printLatest(topic: string, options: LatestOptions): Promise<void> {
  const path = `/v1/topics/${encodeURIComponent(topic)}/latest?${queryOf(options)}`;
  const response = await callHttp(options, path);
  const value = Buffer.from(await response.arrayBuffer());
  if (!options.json) {
    process.stdout.write(value);
    return printLine("");
  }
  const [partition, offset] = ["partition", "offset"].map((name) =>
    Number(response.headers.get(`xylem-${name}`)),
  );
  printLine(formatJson({ topic, partition, offset, key: options.key, value: jsonText(value) }));
}

interface Patched {
  readonly records: readonly { readonly partition: number; readonly offset: number }[];
  readonly document: unknown;
}

async function patchLatest(
  topic: string,
  patch: string | undefined,
  options: LatestOptions,
): Promise<void> {
  const response = await callHttp(options, `${recordsPath(topic)}/latest?${queryOf(options)}`, {
    method: "PATCH",
    headers: { "content-type": "application/json-patch+json" },
    body: patch ?? new Uint8Array(await buffer(readInputs([]))),
  });
  const patched = (await response.json()) as Patched;
  printOutcome({ topic, ...patched }, options, JSON.stringify(patched.document));
}

function queryOf({ key, partition }: LatestOptions): string {
  return new URLSearchParams({
    ...(key !== undefined && { key }),
    ...(partition !== undefined && { partition: String(partition) }),
  }).toString();
}
