import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../support/child-process.ts";
import { describeWith } from "../support/skips.ts";
import { makeTemporaryFolder, removeFolder } from "../support/temporary-folder.ts";
import { xylem, xylemProgram } from "../support/xylem-command.ts";

const folder = makeTemporaryFolder("completion");

beforeAll(async () => {
  mkdirSync(join(folder, "bin"));
  const command = join(folder, "bin/xylem");
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${xylemProgram}" "$@"\n`);
  chmodSync(command, 0o755);
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, stdout } = await xylem(["completion", shell]);
    expect(code).toBe(0);
    writeFileSync(join(folder, shell), stdout);
  }
});

afterAll(() => removeFolder(folder));

const env = { PATH: `${join(folder, "bin")}:${process.env["PATH"]}`, HOME: folder };

/** Lines of a word each: what is offered for the last word of a command line. */
type Complete = (line: string) => Promise<string[]>;

const viaBash: Complete = async (line) => {
  const script = `source ${join(folder, "bash")}; COMP_WORDS=(${line.replace(/ $/, " ''")})
    COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 )); _xylem; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return wordsIn(await run("bash", ["-c", script], { env }));
};

const viaFish: Complete = async (line) => {
  const script = `source ${join(folder, "fish")}; complete -C ${JSON.stringify(line)}`;
  return wordsIn(await run("fish", ["--no-config", "-c", script], { env }));
};

/** What the completion system would show: its two ways in are replaced by ones that print. */
const viaZsh: Complete = async (line) => {
  const script = `compdef() { : }
    _describe() { local entry; for entry in "\${(@P)2}"; do print -r -- "\${entry%%:*}"; done }
    _files() { : }
    compadd() { shift; print -rl -- "$@" }
    source ${join(folder, "zsh")}
    words=(${line.replace(/ $/, " ''")}); CURRENT=\${#words}; _xylem`;
  return wordsIn(await run("zsh", ["-f", "-c", script], { env }));
};

function wordsIn({ stdout, stderr }: { stdout: string; stderr: string }): string[] {
  expect(stderr).toBe("");
  const lines = stdout.split("\n").map((line) => line.split("\t")[0] ?? "");
  return lines.filter((line) => line !== "");
}

function offersWhatThereIs(complete: Complete): void {
  test("commands, and commands of a command", async () => {
    expect(await complete("xylem ")).toEqual(
      expect.arrayContaining(["start", "topic", "produce", "completion"]),
    );
    expect(await complete("xylem topic ")).toEqual(expect.arrayContaining(["create", "fork"]));
  });

  test("the options of the command that the line has come to", async () => {
    const options = await complete("xylem topic create orders --");
    expect(options).toEqual(expect.arrayContaining(["--partitions", "--if-not-exists", "--help"]));
    expect(options).not.toContain("--follow");
  });

  test("each setting as an option of start", async () => {
    expect(await complete("xylem start --log.retention.m")).toContain("--log.retention.ms");
  });

  test("the values of an option that has few", async () => {
    const values = await complete("xylem produce orders --compression ");
    expect(values.toSorted()).toEqual(["gzip", "lz4", "none", "snappy", "zstd"]);
  });
}

describe("in bash", () => {
  offersWhatThereIs(viaBash);
});
describeWith(["zsh"], "in zsh", () => offersWhatThereIs(viaZsh));
describeWith(["fish"], "in fish", () => offersWhatThereIs(viaFish));

test("another shell is refused by name", async () => {
  const { code, stderr } = await xylem(["completion", "cmd"]);
  expect([code, stderr]).toEqual([2, expect.stringContaining("bash, zsh, fish")]);
});
