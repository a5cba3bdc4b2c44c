import { Child, type Outcome } from "./child-process.ts";
import { javaFlags, kafkaClassPath } from "./kafka-classes.ts";

/** Kafka's tools by the name of their shell script. */
const mainClasses = {
  "kafka-topics": "org.apache.kafka.tools.TopicCommand",
  "kafka-configs": "kafka.admin.ConfigCommand",
  "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
  "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
  "kafka-delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
  "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
  "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
  "kafka-producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
  "kafka-consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
  "kafka-verifiable-producer": "org.apache.kafka.tools.VerifiableProducer",
  "kafka-verifiable-consumer": "org.apache.kafka.tools.VerifiableConsumer",
  "kafka-reassign-partitions": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
  "kafka-leader-election": "org.apache.kafka.tools.LeaderElectionCommand",
  "kafka-features": "org.apache.kafka.tools.FeatureCommand",
  "kafka-dump-log": "org.apache.kafka.tools.DumpLogSegments",
  "kafka-storage": "kafka.tools.StorageTool",
} as const;

export type JavaTool = keyof typeof mainClasses;

/** Kafka's command-line tools in one long-living JVM; invocations run one after another. */
export class JavaTools {
  readonly #jvm: Child;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(jvm: Child) {
    this.#jvm = jvm;
  }

  static async start(): Promise<JavaTools> {
    const flags = javaFlags(512);
    return new JavaTools(
      new Child("java", [...flags, "-cp", await kafkaClassPath(), "ToolRunner"]),
    );
  }

  /** Runs `tool` with `args`; waits its turn. */
  run(tool: JavaTool, args: readonly string[], input = ""): Promise<Outcome> {
    const outcome = this.#last.then(() => this.#invoke(tool, args, input));
    this.#last = outcome.catch(() => undefined);
    return outcome;
  }

  /** As `run`, and fails unless the tool ends with 0; answers its standard output. */
  async output(tool: JavaTool, args: readonly string[], input = ""): Promise<string> {
    const { code, stdout, stderr } = await this.run(tool, args, input);
    if (code !== 0) throw new Error(`${tool} ended with ${code}:\n${stdout}\n${stderr}`);
    return stdout;
  }

  async close(): Promise<void> {
    this.#jvm.endInput();
    await this.#jvm.end("SIGKILL");
  }

  async #invoke(tool: JavaTool, args: readonly string[], input: string): Promise<Outcome> {
    const fields = [mainClasses[tool], base64(input), ...args.map(base64)];
    this.#jvm.write(`${fields.join("\t")}\n`);
    const [code, stdout, stderr] = (await this.#jvm.nextLine(120_000)).split("\t");
    return { code: Number(code), stdout: text(stdout), stderr: text(stderr) };
  }
}

/** A tool in a JVM of its own, for what runs beside other things. */
export async function startJavaTool(tool: JavaTool, args: readonly string[]): Promise<Child> {
  const flags = javaFlags(256);
  return new Child("java", [...flags, "-cp", await kafkaClassPath(), mainClasses[tool], ...args]);
}

/** Kafka's own clients under a load of ours, by LoadClient.java. */
export async function startJavaLoad(args: readonly string[]): Promise<Child> {
  return new Child("java", [
    ...javaFlags(96),
    "-cp",
    await kafkaClassPath(),
    "LoadClient",
    ...args,
  ]);
}

function base64(value: string): string {
  return Buffer.from(value, "utf8").toString("base64");
}

function text(value: string | undefined): string {
  return Buffer.from(value ?? "", "base64").toString("utf8");
}
