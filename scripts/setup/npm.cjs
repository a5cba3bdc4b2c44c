"use strict";
const fs = require("fs");
const { runQuietly } = require("./child.cjs");

/** The npm that runs us, else the one on PATH; never another package manager. */
function npmCommand() {
  const running = process.env.npm_execpath;
  if (running && /npm-cli\.c?js$/.test(running) && fs.existsSync(running)) {
    return { program: process.execPath, args: [running] };
  }
  if (process.platform === "win32") return { program: "npm.cmd", args: [], shell: true };
  return { program: "npm", args: [] };
}

/** Runs npm without questions, advice or colour. Answers `{ code, output }`. */
function npm(args, options) {
  const command = npmCommand();
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--no-progress"];
  const settings = Object.assign({ shell: command.shell === true }, options);
  return runQuietly(command.program, command.args.concat(args, quiet), settings);
}

module.exports = { npm };
