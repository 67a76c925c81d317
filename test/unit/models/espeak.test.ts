import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EspeakError, createPhonemizer } from "../../../gpu/models/kokoro/espeak.ts";

const dir = mkdtempSync(join(tmpdir(), "livedub-espeak-"));
const given = process.env["ESPEAK_NG_BIN"];

afterEach(() => {
  if (given === undefined) delete process.env["ESPEAK_NG_BIN"];
  else process.env["ESPEAK_NG_BIN"] = given;
  rmSync(join(dir, "starts"), { force: true });
});

/** A program that answers each line in capitals; lines with these words end or hang it. */
function scripted(timeoutMs = 2000) {
  const program = join(dir, "espeak-ng");
  const starts = join(dir, "starts");
  writeFileSync(
    program,
    `#!/bin/bash
echo "$2" >> "${starts}"
while read -r line; do
  case "$line" in
    *always*) exit 3;;
    *once*) [ -e "${dir}/crashed" ] || { touch "${dir}/crashed"; kill -SEGV $$; }; echo back;;
    *hang*) sleep 60;;
    *silent*) ;;
    *) echo "\${line^^}";;
  esac
done
`,
  );
  chmodSync(program, 0o755);
  process.env["ESPEAK_NG_BIN"] = program;
  return {
    phonemize: createPhonemizer(timeoutMs),
    starts: () => readFileSync(starts, "utf8").trim().split("\n"),
  };
}

describe("espeak-ng", () => {
  test("stays for many texts, one process for each voice, and answers in order", async () => {
    const { phonemize, starts } = scripted();
    const answers = await Promise.all([
      phonemize(["one", "silent", "two"], "en-us"),
      phonemize(["tres"], "es"),
      phonemize(["four"], "en-us"),
    ]);
    expect(answers).toEqual([["ONE", "", "TWO"], ["TRES"], ["FOUR"]]);
    expect(starts()).toEqual(["en-us", "es"]);
  });

  test("that dies is replaced, and the text is asked once more", async () => {
    const { phonemize, starts } = scripted();
    expect(await phonemize(["one", "once", "two"], "en-us")).toEqual(["ONE", "back", "TWO"]);
    expect(existsSync(join(dir, "crashed"))).toBe(true);
    expect(starts()).toHaveLength(2);
  });

  test("that dies or hangs at a text each time costs that text, as retryable, and no other", async () => {
    const { phonemize } = scripted(300);
    for (const [text, said] of [
      ["always", "ended with 3"],
      ["hang", "did not answer within 300 ms"],
    ] as const) {
      const error = await phonemize([text], "en-us").then(
        () => undefined,
        (cause: unknown) => cause,
      );
      if (!(error instanceof EspeakError)) throw new Error(`no such error: ${String(error)}`);
      expect(error.message).toContain(said);
      expect(error.retryable).toBe(true);
      expect(await phonemize(["next"], "en-us")).toEqual(["NEXT"]);
    }
  });

  test("takes lines longer than its buffer, and line breaks, as one text", async () => {
    const { phonemize } = scripted();
    const long = "word ".repeat(400).trim();
    const [answer] = await phonemize([`${long}\nend`], "en-us");
    expect(answer).toBe(`${long} end`.toUpperCase());
  });

  test("that cannot be run is an error that trying again does not help", async () => {
    process.env["ESPEAK_NG_BIN"] = join(dir, "missing");
    const failed = createPhonemizer()(["one"], "en-us");
    await expect(failed).rejects.toMatchObject({ name: "EspeakError", retryable: false });
  });
});

test("the real program reads each text by itself", async () => {
  delete process.env["ESPEAK_NG_BIN"];
  const lines = await createPhonemizer()(["bom dia", "…", "olá, mundo", "bom dia"], "pt-br");
  expect(lines).toHaveLength(4);
  expect(lines[0]).toContain("d^ʒ");
  expect(lines[1]).toBe("");
  expect(lines[2]).toContain("mˈ");
  expect(lines[3]).toBe(lines[0]);
});
