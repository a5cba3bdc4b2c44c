import { describe, expect, test } from "vitest";
import { closestName } from "./closest-name.ts";
import { mergeSettings, settingsOfVariables, variableOf } from "./merge-settings.ts";
import { defaultNodeSettings, nodeSettings } from "./node-settings.ts";

const layer = (origin: string, texts: Record<string, string>) => ({
  origin,
  texts: new Map(Object.entries(texts)),
});

describe("merging settings", () => {
  test("without layers every setting has its default", () => {
    expect(mergeSettings([]).settings).toEqual(defaultNodeSettings);
    expect(mergeSettings([]).given.size).toBe(0);
  });

  test("a later layer counts more, setting by setting", () => {
    const { settings, given } = mergeSettings([
      layer("the file", { port: "1", "num.partitions": "3" }),
      layer("a flag", { port: " 2 " }),
    ]);
    expect(settings.port).toBe(2);
    expect(settings["num.partitions"]).toBe(3);
    expect(Object.fromEntries(given)).toEqual({ port: "2", "num.partitions": "3" });
  });

  test("an unknown name is an error that names its origin and the likely name", () => {
    const typo = layer("xylem.yaml", { "log.retenton.ms": "5" });
    expect(() => mergeSettings([typo])).toThrow(
      "Unknown setting log.retenton.ms in xylem.yaml; did you mean log.retention.ms?",
    );
  });

  test("a name of Object's own is as unknown as any other", () => {
    const texts = new Map([["constructor", "1"]]);
    expect(() => mergeSettings([{ origin: "a flag", texts }])).toThrow(/Unknown setting/);
  });

  test("a bad value is an error that names origin, setting and reason", () => {
    const wrong = layer("the environment", { port: "70000" });
    expect(() => mergeSettings([wrong])).toThrow(
      'Invalid value "70000" for port: must be between 0 and 65535 (in the environment)',
    );
  });

  test("two settings that contradict each other are an error that names both", () => {
    const wrong = layer("a flag", { "group.min.session.timeout.ms": "2000000" });
    expect(() => mergeSettings([wrong])).toThrow(
      "group.min.session.timeout.ms (2000000) must not be above " +
        "group.max.session.timeout.ms (1800000)",
    );
  });
});

describe("variables", () => {
  test("each setting has a variable of its own", () => {
    const names = Object.keys(nodeSettings);
    expect(new Set(names.map(variableOf)).size).toBe(names.length);
    expect(variableOf("log.retention.ms")).toBe("XYLEM_LOG_RETENTION_MS");
  });

  test("become settings; other programs' and reserved ones are left alone", () => {
    const variables = new Map([
      ["PATH", "/bin"],
      ["XYLEM_LONG", "1"],
      ["XYLEM_PORT", "1"],
    ]);
    const texts = settingsOfVariables(variables, new Set(["XYLEM_LONG"]));
    expect(Object.fromEntries(texts)).toEqual({ port: "1" });
  });

  test("that are no settings are errors with the likely name", () => {
    expect(() => settingsOfVariables(new Map([["XYLEM_PROT", "1"]]))).toThrow(
      "Unknown setting XYLEM_PROT in the environment; did you mean XYLEM_PORT?",
    );
  });
});

test("a name that resembles none has no closest name", () => {
  expect(closestName("zzzzzzzz", ["port", "host"])).toBeUndefined();
});
