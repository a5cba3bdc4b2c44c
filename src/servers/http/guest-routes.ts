import type { FastifyInstance } from "fastify";

/**
 * A program's own routes, beside `/v1`: a Fastify plugin, with Fastify's own parsers and errors of
 * its own if it sets them. The browser guard stands before them too.
 */
export type GuestRoutes = (app: FastifyInstance) => void | Promise<void>;

/** Mounts them. Rejects for a path that is the broker's, and with what `guests` throws. */
export function mountGuests(app: FastifyInstance, guests: GuestRoutes): void {
  app.register(async (own) => {
    own.addHook("onRoute", ({ url }) => {
      if (!/^\/v1(\/|$)/.test(url)) return;
      throw new Error(`${url} is below /v1, which is the broker's own`);
    });
    await guests(own);
  });
}
