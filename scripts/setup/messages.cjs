"use strict";

/** One line for the person who waits. Standard output stays clean for the task itself. */
function say(text) {
  process.stderr.write(`xylem: ${text}\n`);
}

/** Ends the set-up with one line and this exit code, without a stack trace. */
function fail(text, exitCode) {
  throw Object.assign(new Error(text), { setUp: exitCode || 1 });
}

module.exports = { say, fail };
