import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Xylem } from "xylem";

const page = await readFile(join(import.meta.dirname, "index.html"));
const xylem = await Xylem.start({
  data: "./data-live-tail",
  port: Number(process.env.PORT ?? 0),
  // Beside /v1, so that the page is of the broker's own origin: no CORS, no proxy.
  routes: (app) => {
    app.get("/", (_request, reply) => reply.type("text/html; charset=utf-8").send(page));
  },
});
const ticks = await xylem.topic("ticks");
console.log(`open ${xylem.url}`);
const timer = setInterval(() => void ticks.append({ value: { at: new Date() } }), 500);
process.once("SIGINT", () => {
  clearInterval(timer);
  void xylem.close();
});
