"use strict";
const childProcess = require("child_process");
const fs = require("fs");
const path = require("path");
const { say } = require("./messages.cjs");
const { removeTree } = require("./node-runtime.cjs");

// Small foreign programs that the tests talk to. Java, Maven and Go are too large to bring along:
// a test that needs one is skipped by name where it is missing.
const tools = [
  { program: "kcat", debianPackage: "kcat" },
  { program: "etcd", debianPackage: "etcd-server" },
  { program: "chromium", debianPackage: "chromium" },
  { program: "faketime", debianPackage: "faketime" },
  { program: "zsh", debianPackage: "zsh" },
  { program: "fish", debianPackage: "fish" },
];
const installMsMax = 240000;
// Consul left Debian after this release; its package is unpacked beside, and nothing is installed.
const consul = {
  debianPackage: "consul",
  suite: "bullseye",
  keyring: "/usr/share/keyrings/debian-archive-keyring.gpg",
};

const allTools = tools.map((tool) => tool.program).concat("consul");

/**
 * Installs those of `programs` that are missing when root on Debian; elsewhere the tests name what
 * they skip.
 */
function installDebianTools(root, programs) {
  installMissing(programs);
  if (programs.includes("consul")) unpackConsul(root);
}

function installMissing(programs) {
  const wanted = tools.filter((tool) => programs.includes(tool.program));
  const missing = wanted.filter((tool) => !isOnPath(tool.program));
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

/** Into .cache/consul, with package lists and sources of its own: the system's stay as they are. */
function unpackConsul(root) {
  const folder = path.join(root, ".cache", "consul");
  if (isOnPath("consul") || fs.existsSync(folder)) return;
  if (!mayInstall()) {
    say("consul not found (unpacked by itself only as root on Debian): tests will name it");
    return;
  }
  say("fetching consul …");
  const fresh = `${folder}.${process.pid}`;
  try {
    if (!downloadConsul(fresh)) say("consul could not be fetched: tests will name it");
    else fs.renameSync(path.join(fresh, "unpacked"), folder);
  } finally {
    removeTree(fresh);
  }
}

function downloadConsul(folder) {
  fs.mkdirSync(path.join(folder, "lists", "partial"), { recursive: true });
  const sources = path.join(folder, "consul.list");
  const { suite, keyring, debianPackage } = consul;
  const mirror = findMirror();
  if (mirror === undefined) return false;
  fs.writeFileSync(sources, `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`);
  const own = [
    `Dir::Etc::sourcelist=${sources}`,
    "Dir::Etc::sourceparts=-",
    `Dir::State::lists=${path.join(folder, "lists")}`,
    `Dir::Cache=${folder}`,
    "APT::Sandbox::User=root",
  ];
  const options = [].concat(...own.map((setting) => ["-o", setting]));
  const isThere =
    apt(options.concat(["update"]), folder) &&
    apt(options.concat(["download", debianPackage]), folder);
  const file = fs.readdirSync(folder).find((name) => name.endsWith(".deb"));
  if (!isThere || file === undefined) return false;
  const unpack = ["-x", file, path.join(folder, "unpacked")];
  return childProcess.spawnSync("dpkg-deb", unpack, { cwd: folder }).status === 0;
}

/** Where this machine's own packages come from. */
function findMirror() {
  const folder = "/etc/apt/sources.list.d";
  const parts = fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
  const files = ["/etc/apt/sources.list"].concat(parts.map((name) => path.join(folder, name)));
  const line = /^(?:URIs:|deb(?:[ \t]+\[[^\]]*\])?)[ \t]+(\S+[/]debian)[/]?(?:[ \t]|$)/m;
  for (const file of files) {
    const match = fs.existsSync(file) ? line.exec(fs.readFileSync(file, "utf8")) : null;
    if (match) return match[1];
  }
  return undefined;
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
function apt(args, cwd) {
  const own = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const env = Object.assign({}, process.env, own);
  const options = { cwd, env, stdio: "ignore", timeout: installMsMax };
  return childProcess.spawnSync("apt-get", ["-qq"].concat(args), options).status === 0;
}

module.exports = { allTools, installDebianTools };
