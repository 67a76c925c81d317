import { basename, dirname, join } from "node:path";
import { clause, clauseSidecar } from "../integration/worker/clause-sidecar.ts";
import type { SidecarScript } from "../integration/sts-client/scripted-sidecar.ts";
import type { ClauseMessage } from "../../src/protocol/sts-fragment.ts";
import { lowPassed } from "./clicks.ts";
import type { KnownClip } from "./known-clip.ts";
import { readSound } from "./stems.ts";

/** Rate at which scripted clause sidecars are asked for their sound. */
const rateHz = 24_000;
const fullScale = 32_768;
/** Whole words are not cut off hard, whatever their slot: a voice would not do so either. */
const fadeSamples = (20 * rateHz) / 1000;
/** Louder than the source, as many voices are: the mix has to level it. */
const dubRms = 10 ** (-20 / 20);

/** What a scripted sidecar says: a voice, mono at 24 kHz, -1..1, and the clauses that it stands for. */
export interface KnownDub {
  readonly voice: Float32Array;
  readonly clauses: readonly ClauseMessage[];
}

const voices = [
  "LJ001-0003",
  "LJ001-0010",
  "LJ001-0007",
  "LJ001-0001",
  "LJ001-0012",
  "LJ001-0005",
  "LJ001-0009",
];

/** Other sentences than the source's own, each said in the time of one. */
export async function dubOver({ stems, files }: KnownClip): Promise<KnownDub> {
  const voice = new Float32Array((stems.mix.length / 2) * (rateHz / 48_000));
  const clauses: ClauseMessage[] = [];
  let next = 0;
  for (const [index, { startSample, endSample }] of stems.said.entries()) {
    const own = basename(files[index] ?? "").replace(/\..*$/, "");
    if (voices[next % voices.length] === own) next += 1;
    const words = await spoken(voices[next++ % voices.length] ?? "");
    const from = Math.round((startSample * rateHz) / 48_000);
    const length = Math.min(
      words.length,
      Math.round(((endSample - startSample) * rateHz) / 48_000),
    );
    say(voice, words.subarray(0, length), from);
    const span = [startSample / 48, endSample / 48] as const;
    const dub = [span[0], span[0] + (1000 * length) / rateHz] as const;
    clauses.push(clause("dubbed", span, dub, { clause_id: `clause-${index}` }));
  }
  return { voice, clauses };
}

/**
 * As many switches as will go into a sound: dub, a clause that was dropped (the fallback), dub, nothing (the
 * source), and so on, each as long as `stepMs`.
 */
export async function switching(count: number, stepMs: number, firstMs: number): Promise<KnownDub> {
  const seconds = (firstMs + (count + 2) * stepMs) / 1000;
  const voice = new Float32Array(Math.round(seconds * rateHz));
  const all = await lowChorus(seconds);
  const clauses: ClauseMessage[] = [];
  for (let n = 0; n < count; n += 2) {
    const span = [firstMs + n * stepMs, firstMs + (n + 1) * stepMs] as const;
    const id = { clause_id: `clause-${n}` };
    if (n % 4 === 2) {
      clauses.push(clause("dropped", span, undefined, { ...id, reason: "overload" }));
      continue;
    }
    const from = Math.round((span[0] * rateHz) / 1000);
    const until = Math.round((span[1] * rateHz) / 1000);
    say(voice, all.subarray(from, until), from);
    clauses.push(clause("dubbed", span, span, id));
  }
  return { voice, clauses };
}

/** One sentence after the other without a pause, in clauses of `clauseMs`. */
export async function talking(seconds: number, clauseMs: number): Promise<KnownDub> {
  const clauses = Array.from({ length: Math.floor((seconds * 1000) / clauseMs) }, (_, n) => {
    const span = [n * clauseMs, (n + 1) * clauseMs] as const;
    return clause("dubbed", span, span, { clause_id: `clause-${n}` });
  });
  return { voice: await lowChorus(seconds), clauses };
}

/** The script of a sidecar that says a known dub; it tells of each clause in the piece in which that begins. */
export function sidecarThatSays({ voice, clauses }: KnownDub): SidecarScript {
  const told: Record<number, ClauseMessage[]> = {};
  const script = clauseSidecar({
    dub: (_language, seconds) => voice[Math.round(seconds * rateHz)] ?? 0,
    clauses: told,
  });
  return {
    ...script,
    onFragment: (socket, fragment, echo) => {
      const fromMs = fragment.metadata.pts_ns / 1e6;
      told[fragment.sequence_number] = clauses.filter(
        ({ start_ms }) => start_ms >= fromMs && start_ms < fromMs + fragment.audio.duration_ms,
      );
      script.onFragment?.(socket, fragment, echo);
    },
  };
}

/** With nothing high in it, so that no step hides in its sibilants. */
async function lowChorus(seconds: number): Promise<Float32Array> {
  return lowPassed(await chorus(seconds), { rateHz, channels: 1 });
}

/** Sentences one after the other. */
async function chorus(seconds: number): Promise<Float32Array> {
  const voice = new Float32Array(Math.ceil(seconds * rateHz));
  let next = 0;
  for (let at = 0; at < voice.length; next++) {
    const words = await spoken(voices[next % voices.length] ?? "");
    const piece = words.subarray(0, voice.length - at);
    say(voice, piece, at);
    at += piece.length;
  }
  return voice;
}

function say(voice: Float32Array, words: Float32Array, from: number): void {
  for (let n = 0; n < words.length && from + n < voice.length; n++) {
    const edge = Math.min(1, (n + 0.5) / fadeSamples, (words.length - n - 0.5) / fadeSamples);
    voice[from + n] = words[n]! * (0.5 - 0.5 * Math.cos(Math.PI * edge));
  }
}

const read = new Map<string, Promise<Float32Array>>();

/** A sentence of the fixtures at 24 kHz: every second sample of it, for none of it lies above 11 kHz. */
function spoken(name: string): Promise<Float32Array> {
  const known = read.get(name) ?? load(name);
  read.set(name, known);
  return known;
}

async function load(name: string): Promise<Float32Array> {
  const folder = join(dirname(import.meta.dir), "fixtures", "media", "speech");
  const sound = await readSound(join(folder, `${name}.flac`), 1);
  const words = Float32Array.from(
    { length: sound.length >> 1 },
    (_, n) => sound[2 * n]! / fullScale,
  );
  const rms = Math.sqrt(words.reduce((sum, sample) => sum + sample * sample, 0) / words.length);
  return words.map((sample) => (sample * dubRms) / rms);
}
