import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { basename, join, normalize } from "node:path";
import { safeName } from "../../../gpu/artefacts/safe-name.ts";

describe("an identifier as a file name", () => {
  for (const [identifier, name] of [
    ["match-1_a.b", "match-1_a.b"],
    ["..", "%2E."],
    [".", "%2E"],
    [".hidden", "%2Ehidden"],
    ["../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"],
    ["a\\b", "a%5Cb"],
    ["a\0b", "a%00b"],
    ["", "%"],
    ["olé", "ol%C3%A9"],
  ] as const)
    test(JSON.stringify(identifier), () => expect(safeName(identifier)).toBe(name));

  test("long ones stay apart and short", () => {
    const [one, other] = [safeName("é".repeat(256)), safeName(`${"é".repeat(255)}e`)];
    expect(one).not.toBe(other);
    expect(one.length).toBeLessThan(200);
  });

  test("whatever it is, it names one visible entry of its folder, and no two share a name", () => {
    const identifier = fc.oneof(
      fc.string({ unit: "binary", maxLength: 256 }),
      fc.stringMatching(/^[./\\~%a]{0,12}$/),
    );
    fc.assert(
      fc.property(identifier, identifier, (one, other) => {
        const name = safeName(one);
        expect(normalize(join("/store", name))).toBe(`/store/${name}`);
        expect(basename(name)).toBe(name);
        expect(name).toMatch(/^[^.\0/][^\0/]*$/);
        if (one !== other) expect(safeName(other)).not.toBe(name);
      }),
    );
  });
});
