import { createHash } from "node:crypto";
import type { OpenApi, Operation, Parameter } from "./openapi.ts";

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
h2 { border-bottom: 1px solid; margin-top: 3rem; }
h3 { font-size: 1rem; margin-top: 2.5rem; overflow-wrap: anywhere; }
h3 code { font-size: 1.05rem; }
table { border-collapse: collapse; width: 100%; }
td, th { border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent);
  padding: 0.25rem 1rem 0.25rem 0; text-align: left; vertical-align: top; }
td:first-child { white-space: nowrap; }
@media (max-width: 40rem) { td:first-child { white-space: normal; } }
`;

const styleSum = createHash("sha256").update(style).digest("base64");

/** The page runs nothing and loads nothing. */
export const referencePolicy =
  `default-src 'none'; style-src 'sha256-${styleSum}'; ` +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The reference as one page of HTML, without scripts. */
export function referencePage({ info, tags, paths }: OpenApi): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const sections = tags.map(({ name }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    const entries = own.map(({ path, method, operation }) => section(method, path, operation));
    return `<h2 id="${escape(name)}">${escape(name)}</h2>${entries.join("")}`;
  });
  const links = tags.map(({ name }) => `<a href="#${escape(name)}">${escape(name)}</a>`);
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width"><title>${escape(info.title)} HTTP</title>` +
    `<style>${style}</style></head><body><h1>${escape(info.title)} over HTTP</h1>` +
    `<p>${marked(info.description)} Version ${escape(info.version)}; for programs: ` +
    `<a href="/openapi.json">openapi.json</a>.</p><nav>${links.join(" · ")}</nav>` +
    `${sections.join("")}</body></html>`
  );
}

function section(method: string, path: string, operation: Operation): string {
  const { summary, description = "", parameters, requestBody, responses } = operation;
  const bodyTypes = Object.keys(requestBody?.content ?? {}).map((type) => `<code>${type}</code>`);
  const answers = Object.entries(responses).map(([status, answer]) => {
    const types = Object.keys(answer.content ?? {}).filter((type) => !type.includes("problem"));
    const shown = types.map((type) => `<code>${escape(type)}</code>`).join(", ");
    return row(status, `${marked(answer.description)} ${shown}`);
  });
  return (
    `<h3 id="${operation.operationId}"><code>${method.toUpperCase()} ${escape(path)}</code></h3>` +
    `<p>${marked(summary)} ${marked(description)}</p>` +
    table("Parameter", parameters.map(parameterRow)) +
    (bodyTypes.length === 0 ? "" : `<p>Body: ${bodyTypes.join(", ")}</p>`) +
    table("Status", answers)
  );
}

function parameterRow({ name, in: place, required, description = "", schema }: Parameter): string {
  const rules = [
    place,
    required ? "required" : "",
    schema.enum ? schema.enum.join(" | ") : "",
    schema.default === undefined ? "" : `default ${String(schema.default as string)}`,
  ].filter((rule) => rule !== "");
  return row(
    `<code>${escape(name)}</code>`,
    `${marked(description)} (${escape(rules.join(", "))})`,
  );
}

function table(heading: string, rows: readonly string[]): string {
  if (rows.length === 0) return "";
  return `<table><tr><th>${heading}</th><th></th></tr>${rows.join("")}</table>`;
}

const row = (name: string, said: string): string => `<tr><td>${name}</td><td>${said}</td></tr>`;

/** Text with `code` in it. */
function marked(text: string): string {
  return escape(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => entities[character] as string);
}
