#!/usr/bin/env node
"use strict";
// Runs on any Node since 12, so that a too old one is told so. Keep its syntax plain.
var childProcess = require("child_process");
var fs = require("fs");
var os = require("os");
var path = require("path");

var root = path.join(__dirname, "..");
var youngBytesMax = 32 * 1024 * 1024;
var smallHeapBytesMax = 128 * 1024 * 1024;
var entry = path.join(root, "dist", "bundle", "cli.js");

// libuv reads this when its thread pool is first used, which nothing above does.
// Flushes of many partitions run side by side there; four threads would queue them.
if (!process.env.UV_THREADPOOL_SIZE) process.env.UV_THREADPOOL_SIZE = "32";

if (isNewEnough(process.versions.node)) runHere();
else runUnderNewerNode();

/** The engines field of package.json: ^22.22.0 || >=24.6.0. */
function isNewEnough(version) {
  var parts = version.split(".").map(Number);
  if (parts[0] === 22) return parts[1] >= 22;
  if (parts[0] === 24) return parts[1] >= 6;
  return parts[0] > 24;
}

function runHere() {
  if (process.versions.node.split(".")[0] === "24") tuneCollector();
  if (!fs.existsSync(entry)) stop("xylem: not built yet; run: npm run build");
  import(require("url").pathToFileURL(entry).href)
    .then(function (cli) {
      return cli.main();
    })
    .catch(function (error) {
      stop("xylem: " + (error && error.stack ? error.stack : String(error)));
    });
}

/**
 * What is set here is right for Node 24's V8.
 *
 * Records live in buffers outside the heap. Left alone, V8 marks the whole small heap for every few
 * megabytes of them that come and go: half of the processor time of large produces and fetches.
 * With the first flag they count towards the heap's own, growing limit. With the second that limit
 * is three times what a small heap holds: by its own measure it is so low that replicas, whose
 * records live for some milliseconds longer, mark ten times as often as a node by itself.
 *
 * The young generation grows to 128 MiB when thousands of connections come, and is never given
 * back. Held at what Node 22 has, it costs no throughput; below, it does. The flag for its size
 * counts at the start of a process only, the one for its growth at any time.
 */
function tuneCollector() {
  var v8 = require("v8");
  v8.setFlagsFromString("--external-memory-accounted-in-global-limit");
  v8.setFlagsFromString("--heap-growing-percent=200");
  var bounds = [
    {
      isReached: function () {
        return youngBytes(v8) >= youngBytesMax;
      },
      flag: "--semi-space-growth-factor=1",
    },
    {
      isReached: function () {
        return v8.getHeapStatistics().used_heap_size >= smallHeapBytesMax;
      },
      flag: "--heap-growing-percent=0",
    },
  ];
  var observer = new (require("perf_hooks").PerformanceObserver)(function () {
    bounds = bounds.filter(function (bound) {
      var isReached = bound.isReached();
      if (isReached) v8.setFlagsFromString(bound.flag);
      return !isReached;
    });
    if (bounds.length === 0) observer.disconnect();
  });
  observer.observe({ entryTypes: ["gc"] });
}

function youngBytes(v8) {
  return v8.getHeapSpaceStatistics().find(function (space) {
    return space.space_name === "new_space";
  }).space_size;
}

function runUnderNewerNode() {
  var node = findNewerNode();
  if (!node) {
    stop("xylem: needs Node ^22.22.0 or >=24.6.0, and this is " + process.versions.node);
  }
  var child = childProcess.spawn(node, [__filename].concat(process.argv.slice(2)), {
    stdio: "inherit",
  });
  ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"].forEach(function (signal) {
    process.on(signal, function () {
      child.kill(signal);
    });
  });
  child.on("error", function (error) {
    stop("xylem: could not run " + node + ": " + error.message);
  });
  child.on("exit", function (code, signal) {
    process.exit(signal ? 128 + os.constants.signals[signal] : code);
  });
}

/** The Node that the set-up fetched from npm, for this platform. */
function findNewerNode() {
  var isWindows = process.platform === "win32";
  var name = "node-" + (isWindows ? "win" : process.platform) + "-" + process.arch;
  var places = [
    path.join(root, ".cache", "node24", "node_modules"),
    path.join(root, "node_modules"),
  ];
  var folders = places
    .map(function (place) {
      return path.join(place, name);
    })
    .filter(function (folder) {
      return isNewEnough(versionIn(folder));
    });
  return folders[0] && path.join(folders[0], "bin", isWindows ? "node.exe" : "node");
}

function versionIn(folder) {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8")).version;
  } catch (error) {
    return "0.0.0";
  }
}

function stop(line) {
  process.stderr.write(line + "\n");
  process.exit(1);
}
