import { readFile } from "node:fs/promises";
import type { SettingsLayer } from "../base/settings/merge-settings.ts";

/** Looked for where the node starts, unless a file is named. */
const defaultFile = "xylem.yaml";

/**
 * The configuration file's settings. Names are dotted, or nested (`log: { retention: { ms: 1 } }`).
 * Without a name the default file is read if it is there. Throws an Error that names the file.
 */
export async function readConfigFile(path: string | undefined): Promise<SettingsLayer> {
  const file = path ?? defaultFile;
  const text = await readText(file, path !== undefined);
  if (text === undefined || text.trim() === "") return { origin: file, texts: new Map() };
  const { parse } = await import("yaml");
  const texts = new Map<string, string>();
  let document: unknown;
  try {
    document = parse(text, { prettyErrors: true, intAsBigInt: true });
  } catch (error) {
    throw new Error(`${file} is not valid YAML: ${messageOf(error)}`, { cause: error });
  }
  if (document !== null) flatten(document, "", texts, file);
  return { origin: file, texts };
}

async function readText(file: string, isNamed: boolean): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const isAbsent = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (isAbsent && !isNamed) return undefined;
    throw new Error(`the configuration file ${file} can not be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function flatten(value: unknown, name: string, texts: Map<string, string>, file: string): void {
  if (Array.isArray(value) && name !== "") {
    texts.set(name, value.map(scalarText).join(","));
  } else if (value instanceof Object && !Array.isArray(value)) {
    for (const [key, nested] of Object.entries(value)) {
      flatten(nested, name === "" ? key : `${name}.${key}`, texts, file);
    }
  } else if (name === "") {
    throw new Error(`${file} holds no settings: it must map names to values`);
  } else {
    texts.set(name, scalarText(value));
  }
}

function scalarText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "bigint") return value.toString();
  return value === null || value === undefined ? "" : JSON.stringify(value);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
