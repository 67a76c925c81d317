import { type Clause, cutClauses } from "../../../gpu/session/clauses/clause-cutter.ts";
import {
  type CommitState,
  commitAgreed,
  commitAll,
  nothingHeard,
} from "../../../gpu/session/clauses/commit-policy.ts";
import { clauseCapMs, defaultCutterLimits } from "../../../gpu/session/clauses/cutter-limits.ts";
import { DeadlineQueue } from "../../../gpu/session/clauses/deadlines.ts";
import {
  type DecodePlan,
  type Hearing,
  defaultDecodeLimits,
  openSpeechStartMs,
  planDecode,
  settledHorizonMs,
} from "../../../gpu/session/clauses/decode-plan.ts";
import { DubTrack } from "../../../gpu/session/clauses/dub-track.ts";
import {
  type DroppedSlot,
  type PlacedSlot,
  emptyDub,
  fitSlot,
  pauseAfter,
} from "../../../gpu/session/clauses/isochrony.ts";
import { Settlement, uncutFrom } from "../../../gpu/session/clauses/settlement.ts";
import { FragmentSlicer, type Verdict, answerBy } from "../../../gpu/session/clauses/slicer.ts";
import type { TimedWord } from "../../../gpu/session/clauses/words.ts";
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
  readonly verdicts: readonly { readonly verdict: Verdict; readonly atMs: number }[];
  readonly clauses: readonly { readonly clause: Clause; readonly slot: PlacedSlot | DroppedSlot }[];
  /** The dub as it was answered, fragment by fragment; 1000 samples a second, 0 = silence. */
  readonly answered: readonly number[];
  readonly decodedMs: number;
  readonly passes: number;
  readonly shed: number;
}

const fragmentMs = 320;
const transportMs = 100;
const tickMs = 20;
const dubRateHz = 1000;

interface Running {
  readonly endsAtMs: number;
  readonly done: () => void;
}

/**
 * A live session on a clock of its own: real policies, and models that only take their time. Recognition knows the
 * truth of what it has heard, and garbles a word that its window cuts.
 */
export class SimulatedSession {
  #nowMs = 0;
  #heardMs = 0;
  #hearing = {
    settledUntilMs: 0,
    lastWordEndMs: 0,
    leftOutFromMs: undefined as number | undefined,
    clauseEndMs: 0,
    lastPassUntilMs: 0,
  };
  #commit: CommitState = nothingHeard;
  #rest: readonly TimedWord[] = [];
  #queue = new DeadlineQueue();
  #payload = new Map<string, () => Running>();
  #running = new Map<string, Running>();
  #settlement = new Settlement();
  #slicer = new FragmentSlicer({ holeTimeoutMs: 8000 });
  #dub = emptyDub;
  #track = new DubTrack(dubRateHz);
  #decoding = false;
  #changed = false;
  #jobs = 0;
  #decodedMs = 0;
  #passes = 0;
  #shed = 0;
  #clauses: { clause: Clause; slot: PlacedSlot | DroppedSlot }[] = [];
  #verdicts: { verdict: Verdict; atMs: number }[] = [];
  #answered: number[] = [];
  readonly #capMs: number;
  readonly #ear: SimulatedEar;

  constructor(
    said: Speech,
    private readonly world: Circumstances,
  ) {
    this.#capMs = clauseCapMs(world.presetMs, world.playoutDelayMs, world.synthesisRtf);
    this.#ear = new SimulatedEar(said.words);
  }

  run(): Outcome {
    const { untilMs, playoutDelayMs } = this.world;
    for (let sent = 0; this.#nowMs < untilMs + playoutDelayMs + 2000; this.#nowMs += tickMs) {
      while (sent * fragmentMs < untilMs && this.#nowMs >= (sent + 1) * fragmentMs + transportMs)
        this.#receive(sent++);
      for (const lane of ["recognise", "voice"]) this.#turn(lane);
      const wakeMs = this.#slicer.nextWakeMs() ?? Number.POSITIVE_INFINITY;
      if (!this.#changed && this.#nowMs < wakeMs) continue;
      this.#changed = false;
      this.#recognise();
      this.#answer();
    }
    return {
      verdicts: this.#verdicts,
      clauses: this.#clauses,
      answered: this.#answered,
      decodedMs: this.#decodedMs,
      passes: this.#passes,
      shed: this.#shed,
    };
  }

  #receive(sequence: number): void {
    const startMs = sequence * fragmentMs;
    const deadlineMs = startMs + this.world.playoutDelayMs - this.#nowMs;
    this.#slicer.accept({
      fragmentId: `f${sequence}`,
      sequence,
      startMs,
      endMs: startMs + fragmentMs,
      receivedAtMs: this.#nowMs,
      answerByMs: answerBy("live", this.#nowMs, deadlineMs, 8000),
    });
    this.#changed = true;
    // The end of the stream is a silence without end.
    const last = startMs + fragmentMs >= this.world.untilMs;
    this.#heardMs = startMs + fragmentMs + (last ? 10_000 : 0);
  }

  #turn(lane: string): void {
    const running = this.#running.get(lane);
    if (running && running.endsAtMs > this.#nowMs) return;
    this.#running.delete(lane);
    running?.done();
    const { job, shed } = this.#queue.next(lane, this.#nowMs);
    this.#changed ||= running !== undefined || shed.length > 0;
    for (const { job: gone } of shed) this.#drop(gone.id, gone.clauseId);
    const start = job && this.#payload.get(job.id);
    if (job && start) this.#running.set(lane, start());
    if (job) this.#payload.delete(job.id);
  }

  #drop(id: string, clauseId: string | undefined): void {
    this.#shed++;
    this.#payload.delete(id);
    if (id.startsWith("pass")) this.#decoding = false;
    else if (clauseId !== undefined) this.#settlement.settle(clauseId, "pt");
  }

  #hear(): Hearing {
    return {
      ...this.#hearing,
      ...this.#ear.speech(this.#heardMs),
      heardUntilMs: this.#heardMs,
      uncutFromMs: this.#rest[0]?.startMs,
    };
  }

  #recognise(): void {
    if (this.#decoding) return;
    const hearing = this.#hear();
    const limits = { ...defaultDecodeLimits, capMs: this.#capMs, passMs: this.world.passMs };
    const plan = planDecode(hearing, limits);
    if (!plan) return this.#cut();
    this.#decoding = true;
    this.#submit(
      "pass",
      "recognise",
      plan.kind === "final" ? "clause" : "partial",
      plan.toMs,
      () => ({
        endsAtMs: this.#nowMs + this.world.passMs,
        done: () => this.#heard(plan),
      }),
    );
  }

  #heard(plan: DecodePlan): void {
    this.#decoding = false;
    this.#passes++;
    this.#decodedMs += plan.toMs - plan.fromMs;
    const words = this.#ear.transcribe(plan.fromMs, plan.toMs);
    const pass = { words, fromMs: plan.fromMs, heardUntilMs: plan.toMs };
    const step =
      plan.kind === "final"
        ? commitAll(this.#commit, pass, plan.commitUntilMs)
        : commitAgreed(this.#commit, pass);
    this.#commit = step.state;
    this.#rest = [...this.#rest, ...step.committed];
    this.#hearing.lastPassUntilMs = plan.toMs;
    this.#hearing.lastWordEndMs = step.state.tail.at(-1)?.endMs ?? 0;
    if (plan.kind === "final") {
      this.#hearing.settledUntilMs = plan.commitUntilMs;
      this.#hearing.leftOutFromMs = step.tentative[0]?.startMs;
    }
    this.#cut();
  }

  #cut(): void {
    const { clauses, rest } = cutClauses({
      words: this.#rest,
      silences: this.#ear.silences(this.#heardMs),
      settledUntilMs: settledHorizonMs(this.#hear()),
      language: "en",
      limits: { ...defaultCutterLimits, capMs: this.#capMs },
    });
    this.#rest = rest;
    for (const clause of clauses) this.#dubClause(clause);
  }

  #dubClause(clause: Clause): void {
    this.#hearing.clauseEndMs = clause.endMs;
    const clauseId = `c${clause.startMs}`;
    this.#settlement.open(clauseId, clause.startMs, ["pt"]);
    const naturalMs = (clause.endMs - clause.startMs) * this.world.expansion;
    const workMs = naturalMs * this.world.synthesisRtf;
    this.#submit(
      "voice",
      "voice",
      "clause",
      clause.startMs,
      () => ({
        endsAtMs: this.#nowMs + workMs,
        done: () => this.#place(clause, clauseId, naturalMs),
      }),
      workMs,
      clauseId,
    );
  }

  #place(clause: Clause, clauseId: string, naturalMs: number): void {
    const step = fitSlot(this.#dub, {
      startMs: clause.startMs,
      endMs: clause.endMs,
      pauseAfterMs: pauseAfter(clause.endMs, this.#ear.silences(this.#heardMs)),
      naturalMs,
      writableFromMs: this.#slicer.answeredUntilMs,
    });
    this.#dub = step.state;
    this.#clauses.push({ clause, slot: step.slot });
    if (step.slot.outcome === "placed") {
      const { startMs, endMs } = step.slot;
      const samples = new Float32Array(Math.round(((endMs - startMs) / 1000) * dubRateHz)).fill(1);
      this.#track.place({ clauseId, startMs, samples });
    }
    this.#settlement.settle(clauseId, "pt");
  }

  #answer(): void {
    const hearing = this.#hear();
    const uncutMs = uncutFrom({
      heardUntilMs: this.#heardMs,
      firstWordMs: this.#rest[0]?.startMs,
      speechStartMs: openSpeechStartMs(hearing),
    });
    const finalUntilMs = this.#settlement.finalUntilMs("pt", this.#dub.freeAtMs, uncutMs);
    const verdicts = this.#slicer.advance({
      nowMs: this.#nowMs,
      finalUntilMs,
      carriesDub: ({ startMs, endMs }) =>
        this.#track.soundsWithin(startMs, endMs) || this.#settlement.openBefore(endMs).length > 0,
    });
    for (const verdict of verdicts) {
      this.#verdicts.push({ verdict, atMs: this.#nowMs });
      if (verdict.kind === "hole") continue;
      const { startMs, endMs } = verdict.fragment;
      const slice = this.#track.read(startMs, endMs).samples;
      this.#answered.push(...(verdict.kind === "missed" ? new Float32Array(slice.length) : slice));
      this.#track.release(endMs);
    }
  }

  #submit(
    kind: "pass" | "voice",
    lane: string,
    worth: "clause" | "partial",
    startMs: number,
    start: () => Running,
    estimateMs = this.world.passMs,
    clauseId?: string,
  ): void {
    const id = `${kind} ${this.#jobs++}`;
    const airsAtMs = startMs + this.world.playoutDelayMs;
    this.#payload.set(id, start);
    const { shed } = this.#queue.submit({
      id,
      sessionId: "one",
      lane,
      pacing: "live",
      worth,
      orderKey: lane,
      deadlineMs: kind === "pass" ? this.#nowMs + 1000 : airsAtMs - 300 + 1500,
      estimateMs,
      ...(clauseId === undefined ? {} : { clauseId }),
    });
    for (const { job } of shed) this.#drop(job.id, job.clauseId);
  }
}
