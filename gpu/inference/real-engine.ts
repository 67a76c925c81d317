import { join } from "node:path";
import type { VoiceProvider } from "../pipeline/voice/provider.ts";
import { listVoices } from "../models/kokoro/kokoro.ts";
import { type DubStages, dub } from "../pipeline/dub-fragment.ts";
import { TranslationChain, unsupportedPair } from "../pipeline/translate.ts";
import type {
  TranslateClauseRequest,
  Translation,
} from "../pipeline/translation/clause-translation.ts";
import type { TranslationLimits } from "../pipeline/translation/provider.ts";
import type {
  DubEngine,
  DubRequest,
  DubResult,
  EngineHealth,
  ModelNames,
  StageObserver,
  VoiceInfo,
} from "./engine.ts";
import { type EngineChildrenOptions, createEngineChildren } from "./engine-children.ts";
import { EngineError } from "./engine-error.ts";
import { Hearing } from "./hearing.ts";
import { LocalTranslationProvider } from "./local-translation-provider.ts";
import { longestPromptLetters } from "./messages.ts";
import type { RequestLimits } from "./request-queue.ts";
import { primarySubtag } from "./primary-subtag.ts";
import { selfTest } from "./self-test.ts";
import { benchLanguage, benchSentences, type CostFigures, measureStages } from "./stage-figures.ts";
import type {
  DetectRequest,
  DetectResult,
  EngineStages,
  SpeakRequest,
  SpeakResult,
  TranscribeRequest,
  TranscribeResult,
} from "./stages.ts";
import { type TranslationServices, createTranslationProviders } from "./translation-services.ts";
import { Speaker } from "./speaker.ts";
import { VoiceBook, type VoiceProfile } from "./voice-book.ts";

export interface RealEngineOptions extends EngineChildrenOptions {
  /** Absent: the local models alone. */
  readonly translation?: TranslationServices;
  readonly voiceProfiles?: Readonly<Record<string, VoiceProfile>>;
  /** Speaks the profiles with a `voiceId`; the local voices take over where it fails. */
  readonly voiceService?: VoiceProvider | undefined;
  /** Time limits of the stages; `file` requests have none. */
  readonly asrTimeoutMs?: number;
  readonly translationTimeoutMs?: number;
  readonly ttsTimeoutMs?: number;
  readonly onStage?: StageObserver;
  /** Told for each translation whether it was made before. */
  readonly onTranslationCache?: (hit: boolean) => void;
}

/** A short one warms up what the self-test has not used, the next one counts. */
const startSentences = ["Good evening to you all.", ...benchSentences.slice(1, 2)];
/** On a machine where the first one alone takes this long it has to do. */
const measureBudgetMs = 6000;

/** The engine of real models: its children, a translation chain, and the fitting of dubs between them. */
export function createRealEngine(options: RealEngineOptions): DubEngine & EngineStages {
  return new RealEngine(options);
}

class RealEngine implements DubEngine, EngineStages {
  readonly mode = "real";
  readonly stages = this;
  readonly gpuAvailable: boolean;
  readonly #children: ReturnType<typeof createEngineChildren>;
  readonly #hearing: Hearing;
  readonly #speaker: Speaker;
  #chain = new TranslationChain([]);
  #voices = new VoiceBook([]);
  #state: "starting" | "ready" | "failed" = "starting";
  #failure: string | undefined;
  #closed = false;

  constructor(private readonly options: RealEngineOptions) {
    this.gpuAvailable = options.executionProvider === "cuda";
    this.#children = createEngineChildren(options);
    this.#hearing = new Hearing(this.#children.recognise);
    this.#speaker = new Speaker({
      child: this.#children.voice,
      provider: options.voiceService,
      logger: options.logger,
    });
  }

  get models(): ModelNames {
    if (this.#state !== "ready") return { asr: "loading", translation: "loading", tts: "loading" };
    return {
      asr: this.#children.recognise.info.model,
      translation: this.#children.translate.info.models.map((model) => model.name).join(","),
      tts: this.#children.voice.info.model,
    };
  }

  pairs(): [string, string][] {
    if (this.#state !== "ready") return [];
    const heard = new Set(this.#children.recognise.info.languages);
    return this.#chain
      .pairs()
      .filter(([source, target]) => heard.has(source) && this.#voices.speaks(target));
  }

  voices(): VoiceInfo[] {
    return this.#voices.list();
  }

  hasVoice(profile: string, language: string): boolean {
    return this.#voices.find(profile, primarySubtag(language)) !== undefined;
  }

  async start(): Promise<void> {
    try {
      const { modelsDir, voiceProfiles } = this.options;
      this.#voices = new VoiceBook(listVoices(join(modelsDir, "tts", "kokoro")), voiceProfiles);
      await Promise.all(this.#processes.map((child) => child.start()));
      this.#chain = this.#providers();
      await selfTest(this.#hearing, this.#children.voice);
      this.#state = "ready";
    } catch (cause) {
      this.#state = "failed";
      this.#failure = cause instanceof Error ? cause.message : String(cause);
      await this.#closeChildren();
      throw cause;
    }
  }

  async measure(): Promise<CostFigures | undefined> {
    const target = this.pairs().find(([source]) => source === benchLanguage)?.[1];
    if (target === undefined || !this.hasVoice("default", benchLanguage)) return undefined;
    return measureStages(this, {
      source: benchLanguage,
      target,
      sentences: startSentences,
      sideBySide: true,
      budgetMs: measureBudgetMs,
      limits: { timeoutMs: this.options.ttsTimeoutMs ?? 10_000 },
    });
  }

  async process(request: DubRequest, signal?: AbortSignal): Promise<DubResult> {
    this.#refuseUnlessReady();
    const source = primarySubtag(request.sourceLanguage);
    const target = primarySubtag(request.targetLanguage);
    const served = this.pairs();
    if (!served.some(([from, to]) => from === source && to === target))
      throw unsupportedPair(source, target, served);
    const voice = this.#voices.resolve(request.voiceProfile, target);
    const limits = (timeoutMs: number): RequestLimits => ({
      signal,
      deadlineAtMs: request.deadlineAtMs,
      timeoutMs: request.file === true ? undefined : timeoutMs,
    });
    const {
      asrTimeoutMs = 5000,
      translationTimeoutMs = 5000,
      ttsTimeoutMs = 10_000,
    } = this.options;
    const stages: DubStages = {
      recognise: (pcm16k) => this.#hearing.fragment(whole(pcm16k), source, limits(asrTimeoutMs)),
      translate: (text) =>
        this.#chain.translate({ text, source, target }, limits(translationTimeoutMs)),
      speak: (text, slot) => this.#speaker.speak(text, voice, { slot }, limits(ttsTimeoutMs)),
    };
    const translation = this.#chain.modelFor(source, target) ?? "none";
    return dub(request, stages, { ...this.models, translation }, this.options.onStage);
  }

  async detect({ samples, state }: DetectRequest, limits?: RequestLimits): Promise<DetectResult> {
    this.#refuseUnlessReady();
    return this.#children.detect.request(
      { samples: whole(samples), ...(state && { state }) },
      limits,
    );
  }

  async transcribe(request: TranscribeRequest, limits?: RequestLimits): Promise<TranscribeResult> {
    this.#refuseUnlessReady();
    const { pcm16k, language, prompt, quality } = request;
    const { words, ...heard } = await this.#hearing.window(
      {
        pcm16k: whole(pcm16k),
        language: primarySubtag(language),
        quality,
        ...(prompt !== undefined && { prompt: prompt.slice(-longestPromptLetters) }),
      },
      limits,
    );
    return { ...heard, ...(words && { words }) };
  }

  async translate(
    request: TranslateClauseRequest,
    limits?: TranslationLimits,
  ): Promise<Translation> {
    this.#refuseUnlessReady();
    return this.#chain.translate(request, limits);
  }

  async speak(request: SpeakRequest, limits?: RequestLimits): Promise<SpeakResult> {
    this.#refuseUnlessReady();
    const { text, tempo } = request;
    const voice = this.#voices.resolve(request.voiceProfile, primarySubtag(request.language));
    return this.#speaker.speak(text, voice, { tempo }, limits);
  }

  health(): EngineHealth {
    const children = this.#processes.map((child) => child.health);
    if (this.#state !== "ready")
      return { state: this.#state, children, ...(this.#failure && { detail: this.#failure }) };
    const down = this.#processes.find((child) => child.health.state !== "ready");
    if (down === undefined) return { state: "ready", children };
    const { task, state } = down.health;
    const detail = `${task} is ${state}${down.problem ? `: ${down.problem}` : ""}`;
    return { state: "degraded", children, detail };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#closeChildren();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #closeChildren(): Promise<void> {
    await Promise.all(this.#processes.map((child) => child.close()));
  }

  get #processes() {
    return Object.values(this.#children);
  }

  #refuseUnlessReady(): void {
    if (this.#state === "ready") return;
    throw new EngineError("MODEL_ERROR", {
      message: this.#failure ?? "the models are still loading",
      retryable: true,
      blame: "us",
    });
  }

  #providers(): TranslationChain {
    const {
      translation = { order: ["local"] },
      translationTimeoutMs,
      onTranslationCache,
    } = this.options;
    const local = new LocalTranslationProvider(this.#children.translate);
    const providers = createTranslationProviders(translation, local, translationTimeoutMs);
    return new TranslationChain(providers, { onCache: onTranslationCache });
  }
}

/** A view is cloned with all of its buffer when it is sent: give it one of its own. */
function whole(samples: Float32Array): Float32Array {
  return samples.byteLength === samples.buffer.byteLength ? samples : samples.slice();
}
