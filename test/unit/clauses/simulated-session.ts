import { AnswerLine } from "../../../gpu/session/clauses/answer-line.ts";
import type { ClauseNotice, LineAnswer } from "../../../gpu/session/clauses/line-answer.ts";
import type { Clause, CutTally } from "../../../gpu/session/clauses/clause-cutter.ts";
import { clauseCapMs } from "../../../gpu/session/clauses/cutter-limits.ts";
import { DeadlineQueue } from "../../../gpu/session/clauses/deadlines.ts";
import type { DroppedSlot, PlacedSlot } from "../../../gpu/session/clauses/isochrony.ts";
import { RecognitionLine } from "../../../gpu/session/clauses/recognition-line.ts";
import { answerBy } from "../../../gpu/session/clauses/slicer.ts";
import { expectedMs, measuredCost, assumedCost } from "../../../gpu/session/clauses/stage-cost.ts";
import type { Worth } from "../../../gpu/session/clauses/work.ts";
import { SimulatedEar } from "./simulated-ear.ts";
import type { Speech } from "./speech.arbitrary.ts";

export interface Circumstances {
  readonly playoutDelayMs: number;
  readonly presetMs: number;
  /** Seconds of synthesis a second of speech. */
  readonly synthesisRtf: number;
  /** Cost of one pass of the recogniser. */
  readonly passMs: number;
  /** The translation's length against its source's. */
  readonly expansion: number;
  /** Sound is over after this. */
  readonly untilMs: number;
}

export interface Outcome {
  readonly answers: readonly { readonly answer: LineAnswer; readonly atMs: number }[];
  readonly clauses: readonly { readonly clause: Clause; readonly slot: PlacedSlot | DroppedSlot }[];
  readonly notices: readonly ClauseNotice[];
  /** The dub as it was answered, fragment by fragment; 1000 samples a second, 0 = silence. */
  readonly answered: readonly number[];
  /** Samples of all placed dubs. */
  readonly placedSamples: number;
  readonly decodedMs: number;
  readonly passes: number;
  readonly shed: number;
  readonly tally: CutTally;
}

const fragmentMs = 320;
const transportMs = 100;
const tickMs = 20;
const dubRateHz = 1000;
const language = "pt";

interface Running {
  readonly endsAtMs: number;
  /** Gives what the lane goes on with, before anything else. */
  readonly done: () => Running | void;
}

interface Work {
  readonly lane: "recognise" | "voice";
  readonly worth: Worth;
  readonly deadlineMs: number;
  readonly estimateMs: number;
  readonly clauseId?: string;
  readonly start: () => Running;
}

/**
 * A live session on a clock of its own: the real policies, and models that only take their time. It shows how a
 * session drives the two lines and the queue.
 */
export class SimulatedSession {
  #nowMs = 0;
  #heardMs = 0;
  #queue = new DeadlineQueue();
  #waiting = new Map<string, Work>();
  #running = new Map<string, Running>();
  #changed = false;
  #jobs = 0;
  #synthesis = assumedCost(0.4);
  #outcome = {
    answers: [] as { answer: LineAnswer; atMs: number }[],
    clauses: [] as { clause: Clause; slot: PlacedSlot | DroppedSlot }[],
    notices: [] as ClauseNotice[],
    answered: [] as number[],
    placedSamples: 0,
    decodedMs: 0,
    passes: 0,
    shed: 0,
  };
  readonly #line: RecognitionLine;
  readonly #answers: AnswerLine;
  readonly #ear: SimulatedEar;

  constructor(
    said: Speech,
    private readonly world: Circumstances,
  ) {
    const capMs = clauseCapMs(world.presetMs, world.playoutDelayMs, world.synthesisRtf);
    this.#line = new RecognitionLine("en", capMs);
    this.#answers = new AnswerLine({ languages: [language], dubRateHz, holeTimeoutMs: 8000 });
    this.#ear = new SimulatedEar(said.words);
  }

  run(): Outcome {
    const { untilMs, playoutDelayMs } = this.world;
    for (let sent = 0; this.#nowMs < untilMs + playoutDelayMs + 2000; this.#nowMs += tickMs) {
      while (sent * fragmentMs < untilMs && this.#nowMs >= (sent + 1) * fragmentMs + transportMs)
        this.#receive(sent++);
      for (const lane of ["recognise", "voice"]) this.#turn(lane);
      const wakeMs = this.#answers.nextWakeMs() ?? Number.POSITIVE_INFINITY;
      if (!this.#changed && this.#nowMs < wakeMs) continue;
      this.#changed = false;
      this.#recognise();
      this.#answer();
    }
    return { ...this.#outcome, tally: this.#line.tally };
  }

  #receive(sequence: number): void {
    const startMs = sequence * fragmentMs;
    const deadlineMs = startMs + this.world.playoutDelayMs - this.#nowMs;
    this.#answers.accept({
      fragmentId: `f${sequence}`,
      sequence,
      startMs,
      endMs: startMs + fragmentMs,
      receivedAtMs: this.#nowMs,
      answerByMs: answerBy("live", this.#nowMs, deadlineMs, 8000),
    });
    // The end of the stream is a silence without end.
    const last = startMs + fragmentMs >= this.world.untilMs;
    const before = this.#ear.speech(this.#heardMs);
    this.#heardMs = startMs + fragmentMs + (last ? 10_000 : 0);
    const now = this.#ear.speech(this.#heardMs);
    const closedBefore = before.speaking ? before.speech.length - 1 : before.speech.length;
    const closed = now.speaking ? now.speech.slice(0, -1) : now.speech;
    this.#line.heard({
      heardUntilMs: this.#heardMs,
      ended: closed.slice(closedBefore),
      goingFromMs: now.speaking ? now.speech.at(-1)?.startMs : undefined,
    });
    this.#changed = true;
  }

  #recognise(): void {
    for (const clause of this.#line.cut()) this.#dub(clause);
    const plan = this.#line.plan(this.world.passMs);
    if (!plan) return;
    this.#submit({
      lane: "recognise",
      worth: plan.kind === "final" ? "clause" : "partial",
      deadlineMs: this.#nowMs + 1000,
      estimateMs: this.world.passMs,
      start: () => ({
        endsAtMs: this.#nowMs + this.world.passMs,
        done: () => {
          this.#outcome.passes++;
          this.#outcome.decodedMs += plan.toMs - plan.fromMs;
          const timed = this.#ear.transcribe(plan.fromMs, plan.toMs);
          const words = timed.map((word) => word.text);
          const sure = {
            noSpeechProbability: 0,
            meanLogProbability: 0,
            compressionRatio: 1,
            capped: false,
          };
          for (const clause of this.#line.passed({ words, timed, ...sure }).clauses)
            this.#dub(clause);
        },
      }),
    });
  }

  #dub(clause: Clause): void {
    const clauseId = this.#answers.open(clause);
    const naturalMs = (clause.endMs - clause.startMs) * this.world.expansion;
    const workMs = naturalMs * this.world.synthesisRtf;
    this.#submit({
      lane: "voice",
      worth: "clause",
      deadlineMs: clause.startMs + this.world.playoutDelayMs - 300 + 1500,
      estimateMs: expectedMs(this.#synthesis, naturalMs),
      clauseId,
      start: () => ({
        endsAtMs: this.#nowMs + workMs / 2,
        done: () => {
          this.#place(clause, clauseId, naturalMs / 2, naturalMs / 2);
          return { endsAtMs: this.#nowMs + workMs / 2, done: () => this.#spoken(clause, clauseId) };
        },
      }),
    });
  }

  #spoken(clause: Clause, clauseId: string): void {
    const naturalMs = (clause.endMs - clause.startMs) * this.world.expansion;
    this.#synthesis = measuredCost(this.#synthesis, naturalMs * this.world.synthesisRtf, naturalMs);
    this.#place(clause, clauseId, naturalMs / 2, 0);
  }

  #place(clause: Clause, clauseId: string, naturalMs: number, laterMs: number): void {
    const samples = new Float32Array(Math.round((naturalMs / 1000) * dubRateHz)).fill(1);
    const following = this.#line.following();
    const stretch = (sound: Float32Array, factor: number): Float32Array => {
      const stretched = new Float32Array(Math.round(sound.length * factor)).fill(1);
      this.#outcome.placedSamples += stretched.length - sound.length;
      return stretched;
    };
    const slot = this.#answers.place(
      clauseId,
      language,
      { samples, tempo: 1, laterMs },
      following,
      stretch,
    );
    if (!slot) return;
    if (slot.outcome === "placed") this.#outcome.placedSamples += samples.length;
    const isFirst = this.#outcome.clauses.at(-1)?.clause !== clause;
    if (isFirst) this.#outcome.clauses.push({ clause, slot });
  }

  #answer(): void {
    for (const answer of this.#answers.advance(this.#nowMs, this.#line.uncutFromMs())) {
      this.#outcome.answers.push({ answer, atMs: this.#nowMs });
      this.#outcome.notices.push(...answer.notices);
      this.#outcome.answered.push(...(answer.dub?.get(language)?.samples ?? []));
    }
  }

  #submit(work: Work): void {
    const id = `${work.lane} ${this.#jobs++}`;
    this.#waiting.set(id, work);
    const { lane, worth, deadlineMs, estimateMs, clauseId } = work;
    const { shed } = this.#queue.submit({
      id,
      sessionId: "one",
      lane,
      pacing: "live",
      worth,
      orderKey: lane,
      deadlineMs,
      estimateMs,
      ...(clauseId === undefined ? {} : { clauseId }),
    });
    for (const { job } of shed) this.#drop(job.id);
  }

  #turn(lane: string): void {
    const running = this.#running.get(lane);
    if (running && running.endsAtMs > this.#nowMs) return;
    this.#running.delete(lane);
    const next = running?.done();
    if (next !== undefined) {
      this.#changed = true;
      this.#running.set(lane, next);
      return;
    }
    const { job, shed } = this.#queue.next(lane, this.#nowMs);
    this.#changed ||= running !== undefined || shed.length > 0;
    for (const { job: gone } of shed) this.#drop(gone.id);
    const work = job && this.#waiting.get(job.id);
    if (!job || !work) return;
    this.#waiting.delete(job.id);
    this.#running.set(lane, work.start());
  }

  #drop(id: string): void {
    const work = this.#waiting.get(id);
    this.#waiting.delete(id);
    this.#outcome.shed++;
    if (work?.lane === "recognise") for (const clause of this.#line.passLost()) this.#dub(clause);
    else if (work?.clauseId !== undefined) this.#answers.drop(work.clauseId, language, "shed");
  }
}
