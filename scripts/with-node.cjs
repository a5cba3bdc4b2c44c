"use strict";
// `npm start`, `npm test`, `npm run …`: makes a fresh machine able to run the task, then runs it.
// This file and setup/ are CommonJS that Node 12 can read: they run before the right Node is there.

const path = require("path");
const { fail } = require("./setup/messages.cjs");
const { findNode } = require("./setup/node-runtime.cjs");
const { installPackages } = require("./setup/packages.cjs");
const { installDebianTools } = require("./setup/debian-tools.cjs");
const { run } = require("./setup/child.cjs");
const { tasks } = require("./setup/tasks.cjs");

const root = path.join(__dirname, "..");

function environment(nodeFolder, task) {
  const folders = [nodeFolder, path.join(root, "node_modules", ".bin")];
  const environment = Object.assign({}, process.env, task.variables, {
    PATH: folders.concat(process.env.PATH || "").join(path.delimiter),
  });
  // The broker's launcher would otherwise start itself again to set the thread pool's size.
  if (!environment.UV_THREADPOOL_SIZE) environment.UV_THREADPOOL_SIZE = "32";
  return environment;
}

async function main(name, args) {
  const task = tasks[name];
  if (!task) fail(`unknown task "${name}"; there are: ${Object.keys(tasks).join(", ")}`, 64);
  const node = await findNode(root);
  const env = environment(path.dirname(node), task);
  await installPackages(root, env);
  if (task.build) await task.build(root, node, env);
  if (task.tools) installDebianTools(root, task.tools);
  if (!task.script) return 0;
  const script = [path.join(root, task.script[0])].concat(task.script.slice(1), args);
  const cwd = name === "start" ? process.env.INIT_CWD || process.cwd() : root;
  return run(node, script, { cwd, env });
}

main(process.argv[2], process.argv.slice(3)).then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    process.stderr.write(`xylem: ${error.setUp ? error.message : error.stack}\n`);
    process.exitCode = error.setUp || 1;
  },
);
