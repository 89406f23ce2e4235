import { describe, expect, test } from "vitest";
import { lacuna } from "./terminal.js";

const commands =
  "quickstart pretrain resume inspect reconstruct embed evaluate plan doctor check-reference setup".split(" ");

describe("help", () => {
  test("names every command and the exit codes", async () => {
    const { code, out } = await lacuna("--help");
    expect(code).toBe(0);
    for (const command of commands) expect(out).toContain(`\n  ${command}`);
    expect(out).toContain("Exit codes");
  });

  test.each([...commands, "evaluate knn", "evaluate linear"])("%s has its own", async (name) => {
    const { code, out } = await lacuna(...name.split(" "), "--help");
    expect(code).toBe(0);
    expect(out).toContain(`Usage: lacuna ${name}`);
  });
});

describe("mistakes on the command line", () => {
  test("end with 2 and suggest what is near", async () => {
    expect(await lacuna("pretran")).toMatchObject({
      code: 2,
      error: expect.stringContaining("Did you mean pretrain?"),
    });
    expect(await lacuna("resume", "run", "--workrs=2")).toMatchObject({
      code: 2,
      error: expect.stringContaining("Did you mean --workers?"),
    });
    expect(await lacuna("resume", "run", "--workers=two")).toMatchObject({
      code: 2,
      error: expect.stringContaining("Expected a whole number"),
    });
    expect(await lacuna("resume")).toMatchObject({
      code: 2,
      error: expect.stringContaining("missing required argument"),
    });
  });

  test("an error is one line, without a stack; with --json it is data", async () => {
    const plain = await lacuna("inspect", "nowhere");
    expect(plain).toMatchObject({ code: 1, out: "" });
    expect(plain.error).toBe(
      "RunError in nowhere: expected a run folder, with run.json, or a folder of such, got nothing there.\n",
    );
    const { out } = await lacuna("inspect", "nowhere", "--json");
    expect(JSON.parse(out)).toMatchObject({ error: { name: "RunError", code: "not-a-run", path: "nowhere" } });
  });
});
