import { once } from "node:events";
import { createServer } from "node:net";

/** Systems give outgoing connections ports above these: one of ours stays free while it is down. */
const firstPort = 10_000;
const portCount = 20_000;

/** A port of 127.0.0.1 that nobody listens on, for peers that cannot choose one themselves. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = firstPort + Math.floor(Math.random() * portCount);
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
