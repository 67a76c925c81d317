/** The stage of a dub at which something went wrong, by the names of the wire contract. */
export type EngineStage = "asr" | "translation" | "tts";

/** Codes of the wire contract's error table that the engine raises. */
export type EngineErrorCode =
  | "UNSUPPORTED_LANGUAGE"
  | "INVALID_VOICE_PROFILE"
  | "INVALID_AUDIO_FORMAT"
  | "INVALID_TEXT"
  | "QUEUE_FULL"
  | "TIMEOUT"
  | "MODEL_ERROR"
  | "GPU_OOM"
  | "ASR_FAILED"
  | "TRANSLATION_FAILED"
  | "TRANSLATION_API_UNAVAILABLE"
  | "RATE_LIMIT_EXCEEDED"
  | "NETWORK_ERROR"
  | "TTS_SYNTHESIS_FAILED"
  | "PROCESSING_ERROR";

export interface EngineErrorOptions {
  readonly message: string;
  /** Whether the same request may succeed a little later. */
  readonly retryable: boolean;
  readonly blame: "caller" | "upstream" | "us";
  readonly stage?: EngineStage | undefined;
  /** Machine-readable detail for the peer, for example `{ pairs: [["en", "pt"]] }`. */
  readonly metadata?: Record<string, unknown> | undefined;
  readonly cause?: unknown;
}

/** A fragment that could not be dubbed: what, at which stage, whose fault, and whether a retry helps. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly retryable: boolean;
  readonly blame: "caller" | "upstream" | "us";
  readonly stage: EngineStage | undefined;
  readonly metadata: Record<string, unknown> | undefined;

  constructor(
    readonly code: EngineErrorCode,
    options: EngineErrorOptions,
  ) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryable = options.retryable;
    this.blame = options.blame;
    this.stage = options.stage;
    this.metadata = options.metadata;
  }
}
