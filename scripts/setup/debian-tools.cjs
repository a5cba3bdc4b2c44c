"use strict";
const childProcess = require("child_process");
const fs = require("fs");
const path = require("path");
const { say } = require("./messages.cjs");

// Small foreign programs that the tests talk to. Java, Maven and Go are too large to bring along:
// a test that needs one is skipped by name where it is missing.
const tools = [
  { program: "kcat", debianPackage: "kcat" },
  { program: "etcd", debianPackage: "etcd-server" },
  { program: "chromium", debianPackage: "chromium" },
  { program: "zsh", debianPackage: "zsh" },
  { program: "fish", debianPackage: "fish" },
];
const installMsMax = 240000;

/** Installs what is missing when root on Debian; elsewhere the tests name what they skip. */
function installDebianTools() {
  const missing = tools.filter((tool) => !isOnPath(tool.program));
  if (missing.length === 0) return;
  const names = missing.map((tool) => tool.program).join(", ");
  if (!mayInstall()) {
    say(`${names} not found (installed by itself only as root on Debian): tests will name it`);
    return;
  }
  say(`installing ${names} …`);
  const packages = missing.map((tool) => tool.debianPackage);
  const install = ["install", "-y", "--no-install-recommends"].concat(packages);
  if (!apt(install) && !(apt(["update"]) && apt(install))) {
    say(`${names} could not be installed: tests will name it`);
  }
}

function mayInstall() {
  const isRoot = typeof process.getuid === "function" && process.getuid() === 0;
  return isRoot && fs.existsSync("/etc/debian_version") && isOnPath("apt-get");
}

function isOnPath(program) {
  const folders = (process.env.PATH || "").split(path.delimiter);
  return folders.some((folder) => fs.existsSync(path.join(folder, program)));
}

/**
 * Without a terminal and without questions: whatever would ask fails instead. In run level 1, so
 * that Debian starts no server of its own for a package that has one.
 */
function apt(args) {
  const own = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const env = Object.assign({}, process.env, own);
  const options = { env, stdio: "ignore", timeout: installMsMax };
  return childProcess.spawnSync("apt-get", ["-qq"].concat(args), options).status === 0;
}

module.exports = { installDebianTools };
