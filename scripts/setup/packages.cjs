"use strict";
const crypto = require("crypto");
const fs = require("fs");
const path = require("path");
const { fail, say } = require("./messages.cjs");
const { npm } = require("./npm.cjs");
const { withLock } = require("./set-up-lock.cjs");

/** `npm ci` when node_modules does not hold what package-lock.json asks for. */
async function installPackages(root, env) {
  const lockText = fs.readFileSync(path.join(root, "package-lock.json"));
  const wanted = crypto.createHash("sha256").update(lockText).digest("hex");
  const stamp = path.join(root, "node_modules", ".xylem-installed");
  if (read(stamp) === wanted) return;
  await withLock(root, async () => {
    if (read(stamp) === wanted) return;
    if (!holdsAll(root, lockText)) await install(root, env);
    fs.writeFileSync(stamp, wanted);
  });
}

async function install(root, env) {
  say("installing npm packages …");
  const outcome = await npm(["ci"], { cwd: root, env });
  if (outcome.code !== 0) fail(`npm ci failed:\n${outcome.output.trim()}`, outcome.code);
}

/**
 * Whether npm's own record of node_modules agrees with the lock: a developer who ran npm by hand
 * need not wait for a second installation.
 */
function holdsAll(root, lockText) {
  const record = read(path.join(root, "node_modules", ".package-lock.json"));
  if (record === undefined) return false;
  const wanted = JSON.parse(lockText).packages;
  const installed = JSON.parse(record).packages;
  return Object.keys(wanted).every((place) => {
    if (place === "") return true;
    const found = installed[place];
    // Absent optional packages are those of other platforms.
    if (!found) return wanted[place].optional === true;
    return found.version === wanted[place].version;
  });
}

function read(file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

module.exports = { installPackages, holdsAll };
