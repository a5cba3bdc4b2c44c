import { XylemError } from "../errors.ts";
import { closestName } from "./closest-name.ts";
import { shareMemory } from "./share-memory.ts";
import { defaultNodeSettings, nodeSettings, type NodeSettings } from "./node-settings.ts";
import { normalizeSetting, parseSetting } from "./parse-setting.ts";
import { parseByteCount } from "./rows.ts";
import type { Setting } from "./setting.ts";

/** Texts of node settings by name, and where they came from, in words for an error. */
export interface SettingsLayer {
  readonly origin: string;
  readonly texts: ReadonlyMap<string, string>;
}

export interface MergedSettings {
  readonly settings: NodeSettings;
  /** What the layers gave, in plain form, and what follows from it; all else is the default. */
  readonly given: ReadonlyMap<string, string>;
}

const rows: Readonly<Record<string, Setting<unknown>>> = nodeSettings;
const variablePrefix = "XYLEM_";

/**
 * The settings of a node: defaults below the layers, later layers over earlier ones. Throws
 * INVALID_CONFIG, which names origin, setting and reason: an unknown name, a bad value, or two
 * settings that contradict each other.
 */
export function mergeSettings(layers: readonly SettingsLayer[]): MergedSettings {
  const given = new Map<string, string>();
  const values: Record<string, unknown> = { ...defaultNodeSettings };
  for (const { origin, texts } of layers) {
    for (const [name, text] of texts) {
      const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
      if (row === undefined) throw unknownName(name, name, origin);
      values[name] = told(origin, () => parseSetting(name, row, text));
      given.set(name, normalizeSetting(name, row, text));
    }
  }
  applyBudget(values, given);
  const settings = values as NodeSettings;
  checkRelations(settings);
  return { settings, given };
}

/** The variable that gives a setting: `XYLEM_LOG_RETENTION_MS` for `log.retention.ms`. */
export function variableOf(name: string): string {
  return variablePrefix + name.replaceAll(".", "_").toUpperCase();
}

/**
 * Environment variables as settings. `reserved` are variables of this program that are no
 * settings. Throws INVALID_CONFIG for any other that begins with XYLEM_ and is none.
 */
export function settingsOfVariables(
  variables: ReadonlyMap<string, string>,
  reserved: ReadonlySet<string> = new Set(),
): ReadonlyMap<string, string> {
  const names = new Map(Object.keys(rows).map((name) => [variableOf(name), name]));
  const texts = new Map<string, string>();
  for (const [variable, text] of variables) {
    if (!variable.startsWith(variablePrefix) || reserved.has(variable)) continue;
    const name = names.get(variable);
    if (name === undefined) {
      const meant = variable.slice(variablePrefix.length).replaceAll("_", ".").toLowerCase();
      throw unknownName(variable, meant, "the environment", variableOf);
    }
    texts.set(name, text);
  }
  return texts;
}

/** `memory.budget` stands in for the bounds that nobody gave. */
function applyBudget(values: Record<string, unknown>, given: Map<string, string>): void {
  const { "memory.budget": budget, memory } = values as NodeSettings;
  const budgetBytes = parseByteCount(budget);
  if (budgetBytes === undefined) return;
  for (const [name, bytes] of shareMemory(budgetBytes, memory)) {
    if (given.has(name)) continue;
    values[name] = bytes;
    given.set(name, String(bytes));
  }
}

function unknownName(
  given: string,
  meant: string,
  origin: string,
  format: (name: string) => string = (name) => name,
): XylemError {
  const closest = closestName(meant, Object.keys(rows));
  const hint = closest === undefined ? "" : `; did you mean ${format(closest)}?`;
  return new XylemError("INVALID_CONFIG", `Unknown setting ${given} in ${origin}${hint}`);
}

function told<T>(origin: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof XylemError)) throw error;
    throw new XylemError(error.code, `${error.message} (in ${origin})`, { cause: error });
  }
}

function checkRelations(settings: NodeSettings): void {
  notAbove(settings, "group.min.session.timeout.ms", "group.max.session.timeout.ms");
  notAbove(settings, "log.cleaner.min.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms");
  if (settings["queued.max.request.bytes"] >= 0) {
    notAbove(settings, "socket.request.max.bytes", "queued.max.request.bytes");
  }
}

type NumberName = {
  [Name in keyof NodeSettings]: NodeSettings[Name] extends number ? Name : never;
}[keyof NodeSettings];

function notAbove(settings: NodeSettings, lower: NumberName, upper: NumberName): void {
  if (settings[lower] <= settings[upper]) return;
  throw new XylemError(
    "INVALID_CONFIG",
    `${lower} (${settings[lower]}) must not be above ${upper} (${settings[upper]})`,
  );
}
