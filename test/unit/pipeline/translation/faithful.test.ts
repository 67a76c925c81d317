import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { translateFaithfully } from "../../../../gpu/pipeline/translation/faithful.ts";
import { numbersIn } from "../../../../gpu/pipeline/translation/quantities.ts";
import { TermBook, TermListError } from "../../../../gpu/pipeline/translation/terms.ts";

const languages = { source: "en", target: "pt" };
const upper = (text: string) => Promise.resolve(text.toUpperCase());

function asking(answer: (text: string, call: number) => string) {
  const asked: string[] = [];
  const ask = (text: string) => {
    asked.push(text);
    return Promise.resolve(answer(text, asked.length));
  };
  return { asked, ask };
}

describe("terms", () => {
  const book = new TermBook(
    [
      { source: "offside", target: "impedimento" },
      { source: "May", target: "Dona May" },
    ],
    ["Manchester", "Manchester United", "C++", "O'Neill"],
  );
  test.each([
    ["It was OFFSIDE!", "IT WAS impedimento!"],
    ["the offsides", "THE OFFSIDES"],
    ["It may rain, May says", "IT MAY RAIN, Dona May SAYS"],
    ["so manchester united and Manchester  United", "SO MANCHESTER UNITED AND Manchester United"],
    ["a C++ book by O’Neill", "A C++ BOOK BY O’Neill"],
  ])("%j becomes %j", async (text, expected) => {
    const { text: translated, warnings } = await translateFaithfully(text, languages, book, upper);
    expect(translated).toBe(expected);
    expect(warnings).toEqual([]);
  });

  test("of several that fit, the longest is taken, and it goes through as one code", async () => {
    const { asked, ask } = asking((text) => text);
    await translateFaithfully("We saw Manchester United.", languages, book, ask);
    expect(asked).toEqual(["We saw XQA."]);
  });

  test("a term between Chinese characters is found", async () => {
    const chinese = new TermBook([{ source: "北京", target: "Pequim" }]);
    const answer = await translateFaithfully(
      "我在北京住",
      { source: "zh", target: "pt" },
      chinese,
      upper,
    );
    expect(answer.text).toContain("Pequim");
  });

  test("a text that contains a code gets other codes", async () => {
    const { asked, ask } = asking((text) => text);
    const { text } = await translateFaithfully("Manchester met XQA.", languages, book, ask);
    expect(asked).toEqual(["XQZA met XQA."]);
    expect(text).toBe("Manchester met XQA.");
  });

  test("nothing is asked for a text of terms and numbers alone, or of nothing", async () => {
    const { asked, ask } = asking((text) => text);
    for (const [text, expected] of [
      ["Manchester 4-2!", "Manchester 4-2!"],
      ["", ""],
      ["  😀 <b></b> ", ""],
    ] as const)
      expect(await translateFaithfully(text, languages, book, ask)).toEqual({
        text: expected,
        warnings: [],
      });
    expect(asked).toEqual([]);
  });

  test("where a code is lost the text is cut there, and its parts are translated", async () => {
    const { asked, ask } = asking((text) => text.replaceAll(/XQ[A-Z]/g, "").toUpperCase());
    const answer = await translateFaithfully("We saw Manchester play.", languages, book, ask);
    expect(asked).toEqual(["We saw XQA play.", "We saw", "play."]);
    expect(answer).toEqual({ text: "WE SAW Manchester PLAY.", warnings: [] });
  });

  test("a second question that fails costs a warning, not the translation", async () => {
    const ask = (text: string) =>
      text.includes("XQ") ? Promise.resolve("Vimos jogar.") : Promise.reject(new Error("gone"));
    expect(await translateFaithfully("We saw Manchester play.", languages, book, ask)).toEqual({
      text: "Vimos jogar.",
      warnings: ["term_lost: Manchester"],
    });
  });

  test.each([
    [[], ["x".repeat(201)], "keep_terms[0]: 201 characters"],
    [[], ["a", " "], "keep_terms[1]: is empty"],
    [[{ source: "", target: "x" }], [], "glossary[0].source: is empty"],
    [[{ source: "x", target: " " }], [], "glossary[0].target: is empty"],
    [[], Array.from({ length: 501 }, (_, at) => `t${at}`), "keep_terms: 501 entries"],
  ])("lists beyond their limits are refused by name (%#)", (glossary, keepTerms, said) => {
    expect(() => new TermBook(glossary, keepTerms)).toThrow(TermListError);
    expect(() => new TermBook(glossary, keepTerms)).toThrow(said);
  });
});

describe("markup and emoji", () => {
  test("are left out of the question and of the answer", async () => {
    const { asked, ask } = asking(() => "<i>Gol</i> 🏆 de &quot;placa&quot;");
    const text = "<b>Goal</b> 👩🏽‍🚒⚽️ for them &amp; us, x < y";
    const answer = await translateFaithfully(text, languages, new TermBook(), ask);
    expect(asked[0]).toBe("Goal for them & us, x < y");
    expect(answer.text).toBe('Gol de "placa"');
  });

  test("a kept term with an emoji in it stays", async () => {
    const book = new TermBook([], ["I ❤ NY"]);
    expect((await translateFaithfully("An I ❤ NY shirt 😀", languages, book, upper)).text).toBe(
      "AN I ❤ NY SHIRT",
    );
  });
});

describe("numbers", () => {
  test.each([
    ["1,234.50 and 0.5", "en", ["1234.5", "0.5"]],
    ["1.234,50 e 0,5", "pt", ["1234.5", "0.5"]],
    ["10,000 / 10.000", "en", ["10000", "10"]],
    ["10.000 / 10,000", "pt", ["10000", "10"]],
    ["1\u202f234,5", "fr", ["1234.5"]],
    ["3:07", "en", ["3", "7"]],
    ["１２", "ja", ["12"]],
    ["192.168.10.1", "en", ["192", "168", "10", "1"]],
    ["1.234.567", "pt", ["1234567"]],
    ["1,234,50", "pt", ["1", "234", "50"]],
  ])("%j of %s is %j", (text, language, expected) => {
    expect(numbersIn(text, language)).toEqual(expected);
  });

  test("one that was changed is asked again as a code, and stands as the target writes it", async () => {
    const { asked, ask } = asking((text) => text.replace("$1,234.50", "$1,234,50"));
    const answer = await translateFaithfully(
      "It cost $1,234.50 in 2019.",
      languages,
      new TermBook(),
      ask,
    );
    expect(asked).toEqual(["It cost $1,234.50 in 2019.", "It cost XQA in 2019."]);
    expect(answer).toEqual({ text: "It cost $1.234,50 in 2019.", warnings: [] });
  });

  test("units and signs count: miles do not become kilometres, per cent stay", async () => {
    const { ask } = asking((text) => text.replace("60 mph", "60 km/h").replace("5%", "5"));
    const answer = await translateFaithfully(
      "At 60 mph, or 5% more.",
      languages,
      new TermBook(),
      ask,
    );
    expect(answer).toEqual({ text: "At 60 mph, or 5% more.", warnings: [] });
  });

  test("numbers that words became are no fault", async () => {
    const { asked, ask } = asking(() => "25 gols");
    await translateFaithfully("Twenty-five goals", languages, new TermBook(), ask);
    expect(asked).toHaveLength(1);
  });
});

/** Translators that no one would want, each by a seed: drop, double, swap, garble, echo, invent. */
const hostile = fc.array(
  fc.constantFrom<(text: string) => string>(
    (text) => text,
    () => "",
    (text) => text.replaceAll(/\d/g, ""),
    (text) => text.replaceAll(/XQ\w+/g, ""),
    (text) => `${text} ${text}`,
    (text) => text.split(" ").toReversed().join(" "),
    (text) => text.toLowerCase(),
    (text) => text.replaceAll(/X/g, "Y"),
    (text) => text.replaceAll("1", "2"),
    (text) => `XQB XQC 99 ${text}`,
    (text) => text.slice(0, text.length / 2),
    (text) => text.replaceAll(" ", ""),
    (text) => text.replaceAll(/[.,]/g, ""),
  ),
  { minLength: 1, maxLength: 4 },
);
const terms = ["Anna", "Rio Ave", "Formula 1", "C++", "ska"];
const word = fc.oneof(
  fc.constantFrom("goal", "runs", "XQA", "the", "<b>", "😀", "xqb", "%"),
  fc.constantFrom(...terms),
  fc.constantFrom("3", "4-2", "1,234.5", "50%", "$9.99", "10 km", "12:30", "7th"),
);

test("whatever the translator does, each term and number is there or a warning is", async () => {
  const book = new TermBook([], terms);
  await fc.assert(
    fc.asyncProperty(
      fc.array(word, { maxLength: 14 }),
      hostile,
      fc.nat({ max: 3 }),
      async (words, changes, first) => {
        let call = 0;
        const ask = (text: string) => {
          const change = call++ < first ? changes[0] : changes[call % changes.length];
          return Promise.resolve(change?.(text) ?? "");
        };
        const source = words.join(" ");
        const { text, warnings } = await translateFaithfully(source, languages, book, ask);
        for (const term of terms) {
          const times = words.filter((one) => one === term).length;
          const told = warnings.includes(`term_lost: ${term}`);
          if (!told) expect(text.split(term).length - 1).toBeGreaterThanOrEqual(times);
        }
        if (warnings.some((warning) => warning.startsWith("number_lost"))) return;
        const plain = words.filter((one) => !terms.includes(one)).join(" ");
        const found = numbersIn(text, "pt");
        for (const number of numbersIn(plain, "en")) {
          const at = found.indexOf(number);
          expect({ number, found: at >= 0 }).toEqual({ number, found: true });
          found.splice(at, 1);
        }
      },
    ),
    { numRuns: 500 },
  );
});
