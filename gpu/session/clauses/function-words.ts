import { normaliseWord, primarySubtag } from "./words.ts";

/** What the cutter knows of a language's small words. All are given in lower case, without punctuation. */
interface SmallWords {
  readonly articles: readonly string[];
  readonly prepositions: readonly string[];
  readonly conjunctions: readonly string[];
  /** Allowed at a clause's end, but what follows nearly always belongs to them: a poor place to cut. */
  readonly clinging: readonly string[];
}

const split = (words: string): readonly string[] => words.trim().split(/\s+/);

// English particles (up, out, off, down, away) end sentences as often as not: they cling, but may end a clause.
const english: SmallWords = {
  articles: split("a an the"),
  prepositions:
    split(`about above across after against along amid among around as at before behind below
    beneath beside besides between beyond by concerning despite during except for from in inside into like near
    of on onto over per regarding since through throughout to toward towards under underneath until upon via
    with within without`),
  conjunctions:
    split(`and or but nor so because although unless whereas while whether if when whenever where
    wherever that than till once lest provided`),
  clinging:
    split(`i you he she it we they who which what whose this these those my your his her its our their
    some any every each no not very too more most less much many is am are was were be been being do does did
    has have had will would shall should can could may might must don't doesn't didn't won't can't isn't aren't
    i'm you're he's she's it's we're they're i've we've they've i'll we'll there's that's let's there up out
    off down just only also even mr mrs ms dr`),
};

const portuguese: SmallWords = {
  articles: split("o a os as um uma uns umas"),
  prepositions:
    split(`de do da dos das em no na nos nas num numa nuns numas por pelo pela pelos pelas para pra
    pro com sem sob sobre entre até ante após contra desde durante perante trás ao à aos às dum duma deste desta
    destes destas desse dessa desses dessas daquele daquela neste nesta nesse nessa naquele naquela dele dela
    segundo conforme mediante exceto`),
  conjunctions:
    split(`e ou mas nem que porém porque pois se quando enquanto embora como onde portanto contudo
    todavia entretanto logo caso porquanto senão`),
  clinging:
    split(`eu tu ele ela nós vós eles elas você vocês me te lhe lhes meu minha meus minhas teu tua seu
    sua seus suas nosso nossa nossos nossas este esta estes estas esse essa esses essas aquele aquela isto isso
    aquilo qual quais quem cujo cuja não muito mais menos tão é são era eram foi foram ser está estão estava tem
    têm tinha há vai vão pode podem deve devem já só também ainda cada todo toda todos todas sr sra dr dra`),
};

const spanish: SmallWords = {
  articles: split("el la los las lo un una unos unas"),
  prepositions:
    split(`a al de del en por para con sin sobre entre hasta ante bajo contra desde durante hacia
    según tras mediante excepto salvo vía`),
  conjunctions:
    split(`y e o u ni que pero mas sino porque pues si cuando mientras aunque como donde conque
    luego`),
  clinging:
    split(`yo tú él ella nosotros vosotros ellos ellas usted ustedes me te se le les nos os mi mis tu
    tus su sus nuestro nuestra nuestros nuestras este esta estos estas ese esa esos esas aquel aquella esto eso
    cual cuales quien quienes cuyo cuya no muy más menos tan es son era eran fue fueron ser está están estaba
    hay ha han había va van puede pueden debe deben ya sólo solo también cada todo toda todos todas sr sra
    dr dra`),
};

interface Lookup {
  readonly functionWords: ReadonlySet<string>;
  readonly conjunctions: ReadonlySet<string>;
  readonly prepositions: ReadonlySet<string>;
  readonly clinging: ReadonlySet<string>;
}

const lookupOf = (words: SmallWords): Lookup => ({
  functionWords: new Set([...words.articles, ...words.prepositions, ...words.conjunctions]),
  conjunctions: new Set(words.conjunctions),
  prepositions: new Set(words.prepositions),
  clinging: new Set(words.clinging),
});

const lookups: ReadonlyMap<string, Lookup> = new Map([
  ["en", lookupOf(english)],
  ["pt", lookupOf(portuguese)],
  ["es", lookupOf(spanish)],
]);

const knows = (language: string, kind: keyof Lookup, word: string): boolean =>
  lookups.get(primarySubtag(language))?.[kind].has(normaliseWord(word)) ?? false;

/** The languages with word lists; in any other, every word may end a clause. */
export const listedLanguages: readonly string[] = [...lookups.keys()];

/**
 * True for an article, preposition or conjunction: what follows belongs to it, so no clause ends there of itself.
 *
 * @param language BCP-47 or short code; only the primary subtag counts
 */
export function isFunctionWord(word: string, language: string): boolean {
  return knows(language, "functionWords", word);
}

/** True for a word that joins two clauses: cutting before it reads well. */
export function isConjunction(word: string, language: string): boolean {
  return knows(language, "conjunctions", word);
}

export function isPreposition(word: string, language: string): boolean {
  return knows(language, "prepositions", word);
}

/** True for pronouns, auxiliaries and the like, which lean on the word after them. */
export function isClinging(word: string, language: string): boolean {
  return knows(language, "clinging", word);
}

/** Every listed function word of a language, for reports and tests. */
export function functionWordsOf(language: string): readonly string[] {
  return [...(lookups.get(primarySubtag(language))?.functionWords ?? [])];
}
