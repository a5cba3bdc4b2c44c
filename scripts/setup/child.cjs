"use strict";
const childProcess = require("child_process");
const os = require("os");

// npm and the terminal may both deliver one Ctrl-C, and a second one means "stop at once".
const sameSignalMs = 500;
const forwarded = ["SIGINT", "SIGTERM", "SIGHUP"];
const parentPollMs = 250;

/** Runs a program on this terminal, hands signals on, and answers its exit code. */
function run(program, args, options) {
  return new Promise((resolve, reject) => {
    const child = childProcess.spawn(program, args, Object.assign({ stdio: "inherit" }, options));
    const stopForwarding = forwardSignals(child);
    child.on("error", (error) => {
      stopForwarding();
      reject(error);
    });
    child.on("exit", (code, signal) => {
      stopForwarding();
      resolve(signal ? 128 + os.constants.signals[signal] : code);
    });
  });
}

function forwardSignals(child) {
  const lastMs = {};
  const handlers = forwarded.map((signal) => {
    const handler = () => {
      // A terminal sends its Ctrl-C to the whole group, the child included.
      if (signal === "SIGINT" && process.stdin.isTTY) return;
      const nowMs = Date.now();
      if (lastMs[signal] !== undefined && nowMs - lastMs[signal] < sameSignalMs) return;
      lastMs[signal] = nowMs;
      child.kill(signal);
    };
    process.on(signal, handler);
    return () => process.removeListener(signal, handler);
  });
  handlers.push(stopWithParent(child));
  return () => handlers.forEach((remove) => remove());
}

/**
 * npm ends its shell by SIGTERM, and the shell dies without a word to us: seen by our getting
 * another parent. Without npm the parent is whoever started us, free to go.
 */
function stopWithParent(child) {
  if (!process.env.npm_lifecycle_event) return () => {};
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    child.kill("SIGTERM");
  }, parentPollMs);
  return () => clearInterval(timer);
}

/** Runs a program to its end in silence; answers its code and everything that it printed. */
function runQuietly(program, args, options) {
  return new Promise((resolve) => {
    const quiet = Object.assign({ stdio: ["ignore", "pipe", "pipe"] }, options);
    const child = childProcess.spawn(program, args, quiet);
    const printed = [];
    child.stdout.on("data", (chunk) => printed.push(chunk));
    child.stderr.on("data", (chunk) => printed.push(chunk));
    child.on("error", (error) => resolve({ code: 127, output: error.message }));
    child.on("close", (code) => {
      resolve({ code: code === null ? 1 : code, output: Buffer.concat(printed).toString() });
    });
  });
}

module.exports = { run, runQuietly };
