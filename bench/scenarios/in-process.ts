import { run } from "../../test/support/child-process.ts";
import { repositoryRoot } from "../../test/support/repository.ts";
import type { Scenario } from "../scenario.ts";

const program = `
  const before = performance.now();
  const { Xylem } = await import("${repositoryRoot}/dist/bundle/index.js");
  const imported = performance.now();
  const first = await Xylem.start();
  const started = performance.now();
  await first.close();
  const again = performance.now();
  const second = await Xylem.start();
  const restarted = performance.now();
  await second.close();
  console.log(JSON.stringify([imported - before, started - imported, restarted - again]));
`;

/** The package as a library: import it, start a broker in memory, in a fresh process each time. */
export const inProcess: Scenario = {
  name: "in a process of one's own, in memory",
  needsJava: false,
  figures: ["import ms", "first start ms", "second start ms"],
  isHigherBetter: false,
  isWarmedUp: true,
  isOursOnly: true,
  async measure() {
    const args = ["--input-type=module", "-e", program];
    const { code, stdout, stderr } = await run(process.execPath, args);
    if (code !== 0) throw new Error(stderr);
    const [imported, started, restarted] = JSON.parse(stdout) as number[];
    return {
      "import ms": imported ?? 0,
      "first start ms": started ?? 0,
      "second start ms": restarted ?? 0,
    };
  },
};
