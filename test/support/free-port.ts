import { once } from "node:events";
import { createServer } from "node:net";

/** Systems give outgoing connections ports above these: one of ours stays free while it is down. */
const firstPort = 10_000;
const portsEach = 2_500;
/** Files that run side by side have each another range: 1, 2 and so on. */
const range = Number(process.env["VITEST_POOL_ID"] ?? 0) % 8;
const given = new Set<number>();

/**
 * A port of 127.0.0.1 that nobody listens on, for peers that cannot choose one themselves. It is
 * not given again: who has it may be down for a while.
 */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = firstPort + range * portsEach + Math.floor(Math.random() * portsEach);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw error;
  }
  server.close();
  await once(server, "close");
  return true;
}
