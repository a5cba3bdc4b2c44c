import { XylemError } from "../../base/errors.ts";
import { closestName } from "../../base/settings/closest-name.ts";
import type { XylemOptions } from "./xylem.ts";

const types: { readonly [Name in keyof Required<XylemOptions>]: string } = {
  data: "string",
  memory: "boolean",
  port: "number",
  host: "string",
  settings: "object",
  clock: "object",
  random: "object",
  log: "object",
  routes: "function",
};

/** Programs without types pass anything. Throws INVALID_CONFIG, naming the option. */
export function checkOptions(options: unknown): asserts options is XylemOptions {
  if (typeof options !== "object" || options === null) {
    throw new XylemError("INVALID_CONFIG", "Xylem.start takes an object of options");
  }
  for (const [name, value] of Object.entries(options)) {
    const wanted = Object.entries(types).find(([known]) => known === name)?.[1];
    if (wanted === undefined) throw unknownOption(name);
    if (value === undefined || (typeof value === wanted && value !== null)) continue;
    throw new XylemError("INVALID_CONFIG", `Xylem.start: the option ${name} is a ${wanted}`);
  }
}

function unknownOption(name: string): XylemError {
  const likely = closestName(name, Object.keys(types));
  const hint = likely === undefined ? "other settings go into `settings`" : `is it ${likely}?`;
  return new XylemError("INVALID_CONFIG", `Xylem.start: there is no option ${name}; ${hint}`);
}
