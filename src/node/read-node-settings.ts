import {
  mergeSettings,
  type MergedSettings,
  settingsOfVariables,
} from "../base/settings/merge-settings.ts";
import { readConfigFile } from "./settings-file.ts";

export interface SettingsSources {
  /** By setting name. */
  readonly flags: ReadonlyMap<string, string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Undefined: xylem.yaml where the node starts, if there is one. */
  readonly file: string | undefined;
}

/** Variables that steer the project's own tests and set nothing here. */
const testVariables = /^XYLEM_(LONG$|TEST_)/;

/**
 * The settings a node starts with: flags over environment over file over defaults. Throws an error
 * that names the unknown or bad setting and where it came from.
 */
export async function readNodeSettings(sources: SettingsSources): Promise<MergedSettings> {
  const variables = new Map<string, string>();
  for (const [name, text] of Object.entries(sources.environment)) {
    if (text !== undefined && !testVariables.test(name)) variables.set(name, text);
  }
  return mergeSettings([
    await readConfigFile(sources.file),
    { origin: "the environment", texts: settingsOfVariables(variables) },
    { origin: "the command line", texts: sources.flags },
  ]);
}
