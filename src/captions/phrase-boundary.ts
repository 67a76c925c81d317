/**
 * Words that belong to what follows them: articles, prepositions and conjunctions of the languages that
 * livedub speaks. A line or a cue does not end after one where another place will do.
 */
const leadingWords = new Set(
  [
    // en
    "a an the of to in on at by for from with into onto over under about as and or but nor if that which who than so because",
    // pt
    "o os um uma uns umas de do da dos das em no na nos nas por pelo pela com sem para ao à aos às e ou mas que se porque como",
    // es
    "el la los las un una unos unas del al en con sin por y u pero si como lo",
    // fr
    "le les une des du au aux et ou où dans sur sous par pour avec sans ni mais qui car",
    // it
    "il lo gli i della del di con per tra fra su ed od ma che",
    // de
    "der die das den dem des ein eine einen einem einer und oder aber mit von zu im am auf für dass weil wenn",
  ].flatMap((words) => words.split(" ")),
);

const closing = /["'”’»)\]}」』）]*$/u;

/** How bad it is to break after a word: 0 the end of a sentence, 1 of a phrase, 3 between words, 8 after an article. */
export function breakCost(word: string): number {
  const bare = word.replace(closing, "");
  if (/[.!?…。！？]$/u.test(bare)) return 0;
  if (/[,;:،؛、，；：—–-]$/u.test(bare)) return 1;
  return leadingWords.has(bare.toLowerCase()) ? 8 : 3;
}
