import type { Hearing } from "./hearing.ts";
import type { InferenceChild } from "./inference-child.ts";
import type { VoiceInfoMessage, VoiceRequest, VoiceResult } from "./messages.ts";

const sentence = "The weather is fine today and the train is on time.";
const voice = "af_heart";
/** One misheard word is no reason not to serve. */
const leastShareHeard = 0.7;

/**
 * Speaks a sentence and recognises it: proves that both heavy models give content, not only that they load.
 *
 * @throws when too little of it comes back, saying what was heard
 */
export async function selfTest(
  hearing: Hearing,
  speaker: InferenceChild<VoiceRequest, VoiceInfoMessage, VoiceResult>,
): Promise<void> {
  const spoken = await speaker.request({ text: sentence, voice });
  const heard = await hearing.fragment(withSilence(threeToTwo(spoken.audio)), "en");
  const text = heard.utterances.map((utterance) => utterance.text).join(" ");
  const words = wordsOf(text);
  const wanted = wordsOf(sentence);
  const found = wanted.filter((word) => words.includes(word)).length;
  if (found < leastShareHeard * wanted.length)
    throw new Error(
      `the self-test failed: spoke "${sentence}", heard "${text}". ` +
        "`livedub-sts models verify` shows whether the weights are whole",
    );
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/\p{L}+/gu) ?? [];
}

/** 24 kHz to 16 kHz by linear interpolation: enough to be understood. */
function threeToTwo(samples: Float32Array): Float32Array {
  const out = new Float32Array(Math.floor((samples.length * 2) / 3));
  for (let i = 0; i < out.length; i++) {
    const at = Math.floor(i * 1.5);
    const share = i * 1.5 - at;
    out[i] = samples[at]! * (1 - share) + (samples[at + 1] ?? 0) * share;
  }
  return out;
}

function withSilence(samples: Float32Array): Float32Array {
  const pad = 8000;
  const out = new Float32Array(samples.length + 2 * pad);
  out.set(samples, pad);
  return out;
}
