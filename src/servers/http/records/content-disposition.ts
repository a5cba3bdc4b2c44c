/**
 * A Content-Disposition that saves under `name` (RFC 6266): no path, no control characters, an
 * ASCII form for old clients and the whole name for others.
 */
export function attachment(name: string): string {
  const file = safeName(name);
  const ascii = file.replaceAll(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(file).replaceAll(
    /['()*!]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}

function safeName(name: string): string {
  const last = name.toWellFormed().split(/[/\\]/).at(-1) ?? "";
  const plain = last
    .replaceAll(/\p{Cc}|\p{Cf}/gu, "")
    .replace(/^\.+/, "")
    .trim();
  return plain === "" ? "record" : plain;
}
