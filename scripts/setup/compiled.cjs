"use strict";
const crypto = require("crypto");
const fs = require("fs");
const path = require("path");
const { fail, say } = require("./messages.cjs");
const { runQuietly } = require("./child.cjs");
const { withLock } = require("./set-up-lock.cjs");

/** Compiles src/ into dist/ when a source differs from those of the last build. */
async function buildIfStale(root, node, env) {
  if (readStamp(root) === fingerprint(root)) return;
  say("compiling …");
  await build(root, node, env);
}

/** Compiles src/ into dist/ (incremental), removes what no source stands for, and bundles it. */
async function build(root, node, env) {
  await withLock(root, async () => {
    const sources = fingerprint(root);
    const compiler = path.join(root, "node_modules", "typescript", "bin", "tsc");
    const options = { cwd: root, env };
    const outcome = await runQuietly(
      node,
      [compiler, "-b", "src", "src/client", "src/cli"],
      options,
    );
    if (outcome.code !== 0) fail(`the sources do not compile:\n${outcome.output.trim()}`, 65);
    removeStale(path.join(root, "dist"), path.join(root, "src"));
    const bundled = await runQuietly(node, [path.join(root, "scripts", "bundle.ts")], options);
    if (bundled.code !== 0) fail(`the bundle can not be made:\n${bundled.output.trim()}`, 65);
    fs.writeFileSync(stampFile(root), sources);
  });
}

function stampFile(root) {
  return path.join(root, "dist", ".built");
}

function readStamp(root) {
  const stamp = stampFile(root);
  return fs.existsSync(stamp) ? fs.readFileSync(stamp, "utf8") : undefined;
}

/** Names, sizes and times of all that the compiler reads: milliseconds, where it takes 300. */
function fingerprint(root) {
  const hash = crypto.createHash("sha256");
  const others = ["package-lock.json", "tsconfig.base.json", path.join("scripts", "bundle.ts")];
  for (const file of others) note(hash, path.join(root, file));
  walk(path.join(root, "src"), (file) => {
    if (/\.(ts|json)$/.test(file) && !file.endsWith(".test.ts")) note(hash, file);
  });
  return hash.digest("hex");
}

function note(hash, file) {
  const facts = fs.statSync(file);
  hash.update(`${file}\0${facts.size}\0${facts.mtimeMs}\n`);
}

function removeStale(dist, src) {
  walk(dist, (file) => {
    if (path.relative(dist, file).startsWith(`bundle${path.sep}`)) return;
    const compiled = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(path.relative(dist, file));
    if (compiled && !fs.existsSync(path.join(src, `${compiled[1]}.ts`))) fs.unlinkSync(file);
  });
}

function walk(folder, visit) {
  const entries = fs.readdirSync(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) walk(place, visit);
    else visit(place);
  }
}

module.exports = { build, buildIfStale };
