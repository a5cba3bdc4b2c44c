import { promisify } from "node:util";
import { brotliCompress, constants, gzip, zstdCompress } from "node:zlib";

type Compress = (content: string | Uint8Array) => Promise<Uint8Array>;

// Slower levels save little on records and cost a client more time than the bytes would.
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

/** Best first, where a client likes several alike. Work is done off the event loop. */
const codings: ReadonlyMap<string, Compress> = new Map<string, Compress>([
  ["zstd", promisify(zstdCompress)],
  ["br", (content) => promisify(brotliCompress)(content, brotliOptions)],
  ["gzip", promisify(gzip)],
]);

/** The coding that an Accept-Encoding header likes best; undefined: none of ours. */
export function chooseCoding(accept: string | undefined): string | undefined {
  if (accept === undefined) return undefined;
  let best: { readonly name: string; readonly weight: number } | undefined;
  const weights = new Map<string, number>();
  for (const part of accept.toLowerCase().split(",")) {
    const [name = "", quality] = part.split(";").map((piece) => piece.trim());
    const weight = quality?.startsWith("q=") === true ? Number(quality.slice(2)) : 1;
    weights.set(name, weight >= 0 && weight <= 1 ? weight : 0);
  }
  for (const name of codings.keys()) {
    const weight = weights.get(name) ?? weights.get("*") ?? 0;
    if (weight > (best?.weight ?? 0)) best = { name, weight };
  }
  return best?.name;
}

/** `content` in one of the codings that `chooseCoding` names. */
export function compress(content: string | Uint8Array, coding: string): Promise<Uint8Array> {
  return (codings.get(coding) as Compress)(content);
}
