import { XylemError } from "../../base/errors.ts";
import { formatSetting, normalizeSetting } from "../../base/settings/parse-setting.ts";
import type { Setting } from "../../base/settings/setting.ts";
import type { Configs } from "./config-store.ts";

/** KIP-339: what is done to one config. */
export type ConfigOperation = "set" | "delete" | "append" | "subtract";

export interface ConfigChange {
  readonly name: string;
  /** Undefined: an operation that this version does not know. */
  readonly operation: ConfigOperation | undefined;
  readonly value: string | null;
}

/** What a kind of resource knows of its configs. */
export interface ConfigScope {
  find(name: string): Setting<unknown> | undefined;
  /** The value that counts where the resource has none of its own. */
  inherited(name: string): unknown;
}

/** The rules for changes that do not depend on the resource. Throws INVALID_REQUEST. */
export function checkChanges(changes: readonly ConfigChange[]): void {
  const seen = new Set<string>();
  for (const { name, operation, value } of changes) {
    if (seen.has(name)) {
      throw new XylemError("INVALID_REQUEST", `Error due to duplicate config keys: ${name}`);
    }
    seen.add(name);
    if (operation === undefined) {
      throw new XylemError("INVALID_REQUEST", `Unknown operation for config ${name}`);
    }
    if (value === null && operation !== "delete") {
      throw new XylemError("INVALID_REQUEST", `Null value not supported for : ${name}`);
    }
  }
}

/** The configs after the changes; values are not yet checked. Throws INVALID_CONFIG. */
export function applyChanges(
  current: Configs,
  changes: readonly ConfigChange[],
  scope: ConfigScope,
): Configs {
  const changed = new Map(current);
  for (const change of changes) {
    if (change.operation === "delete") changed.delete(change.name);
    else changed.set(change.name, changedValue(change, changed.get(change.name), scope));
  }
  return changed;
}

function changedValue(
  { name, operation, value }: ConfigChange,
  own: string | undefined,
  scope: ConfigScope,
): string {
  const given = value ?? "";
  if (operation === "set") return given;
  const row = scope.find(name);
  if (row?.type !== "list") {
    throw new XylemError(
      "INVALID_CONFIG",
      `Can't ${String(operation).toUpperCase()} to key ${name} because its type is not LIST.`,
    );
  }
  const present = own ?? formatSetting(row, scope.inherited(name)) ?? "";
  const values = split(present);
  const named = split(given);
  const changed =
    operation === "append"
      ? [...values, ...named.filter((entry) => !values.includes(entry))]
      : values.filter((entry) => !named.includes(entry));
  return changed.join(",");
}

function split(text: string): readonly string[] {
  const entries = text.split(",").map((entry) => entry.trim());
  return entries.filter((entry) => entry !== "");
}

/** The configs with each value in its plain form. Throws INVALID_CONFIG. */
export function checkConfigs(configs: Configs, scope: ConfigScope): Configs {
  const checked = new Map<string, string>();
  for (const [name, text] of configs) {
    const row = scope.find(name);
    if (row === undefined) throw new XylemError("INVALID_CONFIG", `Unknown config: ${name}`);
    checked.set(name, normalizeSetting(name, row, text));
  }
  return checked;
}
