import { floatToPcm16 } from "../../../src/audio/pcm.ts";
import type { ClauseMessage } from "../../../src/protocol/sts-fragment.ts";
import type { ReceivedFragment, SidecarScript } from "../sts-client/scripted-sidecar.ts";

/** Rate of the dub that a scripted clause sidecar answers with. */
const dubRateHz = 24_000;

/** What such a sidecar says of one fragment. */
export interface ClausePlay {
  /** The dub of a language at a moment of session time, in seconds; 0 = silence. Default: none sounds. */
  readonly dub?: (language: string, seconds: number) => number;
  /** Notices of an answer, by the number of its fragment. */
  readonly clauses?: Readonly<Record<number, readonly ClauseMessage[]>>;
  /** Numbers of fragments that are answered `failed`/`TIMEOUT`. */
  readonly failed?: readonly number[];
  readonly furtherLanguages?: readonly string[];
  /** Answers are held until this many fragments are there; default 1. */
  readonly holdUntil?: number;
  readonly maxInflight?: number;
}

/** Plays a sidecar that works by clauses: it holds answers, and gives them in order. */
export function clauseSidecar(play: ClausePlay): SidecarScript {
  let held: (() => void)[] = [];
  let seen = 0;
  const release = () => {
    for (const answer of held.splice(0)) answer();
  };
  return {
    health: { status: "healthy", mode: "real", pairs: [["en", "pt"]] },
    extensions: ["deadline", "speech", "tracks", "clauses", "update", "binary_audio", "file"],
    maxInflight: play.maxInflight ?? 23,
    onInit: (_socket, _init, ready) => {
      held = [];
      seen = 0;
      ready();
    },
    onFragment: (socket, fragment) => {
      held.push(() => socket.emit("fragment:processed", answerTo(fragment, play)));
      seen += 1;
      if (seen >= (play.holdUntil ?? 1)) release();
    },
    onEnd: (socket) => {
      release();
      socket.emit("stream:complete", { stream_id: "match", total_fragments: seen });
    },
  };
}

function answerTo(fragment: ReceivedFragment, play: ClausePlay) {
  const { sequence_number: number } = fragment;
  const header = {
    fragment_id: fragment.fragment_id,
    stream_id: fragment.stream_id,
    sequence_number: number,
    processing_time_ms: 1,
  };
  if (play.failed?.includes(number))
    return {
      ...header,
      status: "failed",
      error: { code: "TIMEOUT", message: "its words missed their time", retryable: true },
    };
  const clauses = play.clauses?.[number] ?? [];
  const told = clauses.filter(({ status }) => status === "dubbed");
  return {
    ...header,
    status: "success",
    dubbed_audio: audioOf(fragment, "pt", play),
    transcript: told.map((clause) => clause.source_text).join(" "),
    translated_text: told.map((clause) => clause.translations?.["pt"] ?? "").join(" "),
    metadata: { asr_model: "scripted" },
    ...(clauses.length > 0 ? { clauses } : {}),
    ...(play.furtherLanguages === undefined
      ? {}
      : {
          tracks: Object.fromEntries(
            play.furtherLanguages.map((language) => [
              language,
              {
                dubbed_audio: audioOf(fragment, language, play),
                translated_text: "",
                status: "success",
              },
            ]),
          ),
        }),
  };
}

function audioOf(fragment: ReceivedFragment, language: string, play: ClausePlay) {
  const startSeconds = fragment.metadata.pts_ns / 1e9;
  const samples = Float32Array.from(
    { length: (fragment.audio.duration_ms * dubRateHz) / 1000 },
    (_, n) => play.dub?.(language, startSeconds + n / dubRateHz) ?? 0,
  );
  return {
    format: "pcm_s16le",
    sample_rate_hz: dubRateHz,
    channels: 1,
    duration_ms: fragment.audio.duration_ms,
    data: Buffer.from(floatToPcm16(samples)),
  };
}

/** A clause said from `startMs` to `endMs`, and what became of it. */
export function clause(
  status: ClauseMessage["status"],
  [startMs, endMs]: readonly [number, number],
  dub?: readonly [number, number],
  changes: Partial<ClauseMessage> = {},
): ClauseMessage {
  return {
    clause_id: "clause-0",
    start_ms: startMs,
    end_ms: endMs,
    source_text: "Good evening.",
    words: undefined,
    translations: { pt: "Boa noite." },
    dub: dub && { pt: { start_ms: dub[0], end_ms: dub[1], tempo: 1.1, voice: undefined } },
    status,
    languages: undefined,
    reason: undefined,
    ...changes,
  };
}
