/** `application/json` of `Application/JSON; charset=utf-8`; undefined: there is none. */
export function mediaTypeOf(header: string | undefined): string | undefined {
  const type = header?.split(";", 1)[0]?.trim().toLowerCase();
  return type === "" ? undefined : type;
}
