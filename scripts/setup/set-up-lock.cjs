"use strict";
const fs = require("fs");
const path = require("path");
const { fail, say } = require("./messages.cjs");

const pollMs = 200;
const waitMsMax = 300000;

/** Two set-ups in one checkout wait for each other; a dead holder's lock is taken over. */
async function withLock(root, work) {
  const folder = path.join(root, ".cache");
  fs.mkdirSync(folder, { recursive: true });
  const lock = path.join(folder, "set-up.pid");
  await acquire(lock);
  try {
    return await work();
  } finally {
    fs.unlinkSync(lock);
  }
}

async function acquire(lock) {
  const startedMs = Date.now();
  let told = false;
  while (!tryLock(lock)) {
    const holder = holderOf(lock);
    if (holder === undefined) continue;
    if (!told) say(`another set-up (process ${holder}) is at work here; waiting for it …`);
    told = true;
    if (Date.now() - startedMs > waitMsMax) fail(`process ${holder} still holds ${lock}`, 75);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function tryLock(lock) {
  try {
    fs.writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

/** The living process that holds the lock; undefined once the lock is free to try again. */
function holderOf(lock) {
  let holder;
  try {
    holder = Number(fs.readFileSync(lock, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
  // Created but not yet written: its writer is alive.
  if (!holder) return "unknown";
  if (isAlive(holder)) return holder;
  removeLockOf(holder, lock);
  return undefined;
}

/** Takes the lock away first and looks then: another set-up may have taken it over meanwhile. */
function removeLockOf(holder, lock) {
  const taken = `${lock}.${process.pid}`;
  try {
    fs.renameSync(lock, taken);
  } catch (error) {
    if (error.code === "ENOENT") return;
    throw error;
  }
  if (Number(fs.readFileSync(taken, "utf8")) !== holder) fs.linkSync(taken, lock);
  fs.unlinkSync(taken);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

module.exports = { withLock };
