import { existsSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { run } from "./child-process.ts";
import { cacheFolder, repositoryRoot } from "./repository.ts";

const javaFolder = `${repositoryRoot}/test/interop/java`;
const programs = ["ToolRunner", "LoadClient"] as const;

let classPath: Promise<string> | undefined;

/** Class path of Apache Kafka, resolved by Maven once and kept under `.cache`. */
export function kafkaClassPath(): Promise<string> {
  classPath ??= resolveClassPath();
  return classPath;
}

async function resolveClassPath(): Promise<string> {
  const folder = cacheFolder("kafka");
  const jars = `${folder}/jars`;
  const isStale = !existsSync(jars) || isNewer(`${javaFolder}/pom.xml`, jars);
  if (isStale || !readdirSync(jars).some((name) => name.startsWith("kafka-tools"))) {
    await resolveJars(jars);
  }
  return `${await compileOurs(folder, jars)}:${jars}/*`;
}

/** Flags of every JVM here: a small heap, quick start, our log settings. */
export function javaFlags(heapMiB: number): string[] {
  return [
    `-Xmx${heapMiB}m`,
    "-XX:TieredStopAtLevel=4",
    "-XX:+UseSerialGC",
    "-Djava.awt.headless=true",
    `-Dlog4j2.configurationFile=${javaFolder}/log4j2.properties`,
  ];
}

/** All of them or none: what Maven left half done is not taken for the whole. */
async function resolveJars(jars: string): Promise<void> {
  const partial = `${jars}.${process.pid}.partial`;
  rmSync(partial, { recursive: true, force: true });
  const goal = ["-q", "-B", "-f", `${javaFolder}/pom.xml`, "dependency:copy-dependencies"];
  const args = [...goal, `-DoutputDirectory=${partial}`];
  const outcome = await run("mvn", args, { timeoutMs: 300_000 });
  if (outcome.code !== 0) throw new Error(`maven: ${outcome.stdout}${outcome.stderr}`);
  rmSync(jars, { recursive: true, force: true });
  renameSync(partial, jars);
}

/** The programs of ours that lie beside the list of jars. */
async function compileOurs(folder: string, jars: string): Promise<string> {
  const classes = `${folder}/classes`;
  const isCompiled = programs.every((name) => {
    const compiled = `${classes}/${name}.class`;
    return existsSync(compiled) && !isNewer(`${javaFolder}/${name}.java`, compiled);
  });
  if (isCompiled) return classes;
  const sources = programs.map((name) => `${javaFolder}/${name}.java`);
  const outcome = await run("javac", ["-cp", `${jars}/*`, "-d", classes, ...sources]);
  if (outcome.code !== 0) throw new Error(`javac: ${outcome.stderr}`);
  return classes;
}

function isNewer(path: string, than: string): boolean {
  return statSync(path).mtimeMs > statSync(than).mtimeMs;
}
