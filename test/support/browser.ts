import { accessSync, constants } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { rolldown } from "rolldown";
import { repositoryRoot } from "./repository.ts";

const flags = [
  "--no-sandbox",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
];

/** The machine's Chromium, without a window. */
export async function launchBrowser(args: readonly string[] = []): Promise<Browser> {
  return await chromium.launch({ executablePath: findChromium(), args: [...flags, ...args] });
}

function findChromium(): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = folders.map((folder) => join(folder, "chromium")).find(isProgram);
  if (found === undefined) throw new Error("there is no chromium");
  return found;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** `xylem/client` as one module that a page can load. */
export async function bundleClient(): Promise<string> {
  const input = join(repositoryRoot, "src/client/index.ts");
  const bundle = await rolldown({ input, platform: "browser", logLevel: "silent" });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  await bundle.close();
  return output[0].code;
}

/** A site of its own on a loopback port: files by path. */
export class Site {
  readonly #server: Server;

  static async open(files: Readonly<Record<string, string>>): Promise<Site> {
    const server = createServer((request, response) => {
      const path = (request.url ?? "/").split("?")[0] ?? "/";
      const text = files[path];
      const type = path.endsWith(".js") ? "text/javascript" : "text/html";
      response.writeHead(text === undefined ? 404 : 200, { "content-type": type });
      response.end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Site(server);
  }

  private constructor(server: Server) {
    this.#server = server;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
