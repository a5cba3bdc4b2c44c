"use strict";
const { build, buildIfStale } = require("./compiled.cjs");
const { allTools } = require("./debian-tools.cjs");

/** What each task needs before it runs, and the script that runs it. */
const tasks = {
  start: { build: buildIfStale, script: ["bin/xylem.cjs", "start"] },
  build: { build: build },
  test: { build: build, tools: allTools, script: ["scripts/run-tests.ts"] },
  "test:long": {
    build: build,
    tools: allTools,
    script: ["scripts/run-tests.ts"],
    variables: { XYLEM_LONG: "1" },
  },
  check: { script: ["scripts/run-checks.ts"] },
  bench: { build: build, script: ["bench/run.ts"] },
  proto: { script: ["scripts/generate-proto.ts"] },
  simulate: { script: ["scripts/simulate.ts"] },
  cluster: { build: buildIfStale, tools: ["etcd"], script: ["scripts/run-cluster.ts"] },
};

module.exports = { tasks };
