import type { FragmentAnswer, OutgoingFragment } from "../../../src/sts/fragment.ts";
import type { StsTransport, TransportEvents, TransportState } from "../../../src/sts/transport.ts";

/** A transport that a test plays: what was sent can be read, answers are given by hand. */
export class PuppetTransport implements StsTransport {
  state: TransportState = "idle";
  readonly endpoint = "puppet";
  readonly reconnects = 0;
  readonly sent: { wireId: string; fragment: OutgoingFragment }[] = [];
  readonly acks: { wireId: string; status: string }[] = [];
  events!: TransportEvents;
  #number = 0;

  start(events: TransportEvents): void {
    this.events = events;
  }

  send(wireId: string, fragment: OutgoingFragment): number | undefined {
    if (this.state !== "ready") return undefined;
    this.sent.push({ wireId, fragment });
    return this.#number++;
  }

  acknowledge(wireId: string, status: string): void {
    this.acks.push({ wireId, status });
  }

  abandon(): void {}

  end(): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  close(): void {
    this.go("closed");
  }

  go(state: TransportState, detail: string | null = null): void {
    this.state = state;
    this.events.onState(state, detail);
  }

  /** Opens a session that grants this many fragments at once. */
  open(maxInflight: number): void {
    this.go("ready");
    this.events.onGrant({ maxInflight, uplinkRateHz: 16_000 });
  }

  wireId(index: number): string {
    const sent = this.sent.at(index);
    if (sent === undefined) throw new Error(`nothing was sent at ${index}`);
    return sent.wireId;
  }

  /** Answers the fragment sent at `index` (negative: from the end). */
  answer(index: number, changes: Partial<FragmentAnswer> = {}): void {
    this.events.onAnswer(this.wireId(index), { ...success, ...changes });
  }

  failWith(index: number, code: string, retryable = true): void {
    this.answer(index, {
      status: "failed",
      audio: undefined,
      error: { code, message: "as the test says", retryable },
    });
  }
}

export const success: FragmentAnswer = {
  status: "success",
  audio: {
    format: "pcm_s16le",
    sample_rate_hz: 16_000,
    channels: 1,
    duration_ms: 1,
    data_base64: undefined,
    data: new Uint8Array(32),
    speech: undefined,
  },
  transcript: "one",
  translatedText: "um",
  processingTimeMs: 5,
  stageTimings: undefined,
  tempo: 1,
  engine: undefined,
  error: undefined,
};

let count = 0;

/** A fragment of one second that airs at `airsAtMs`. */
export function fragmentAiring(airsAtMs: number | undefined): OutgoingFragment {
  const startSample = 48_000 * count++;
  return {
    fragmentId: `fragment-${startSample}`,
    startSample,
    endSample: startSample + 48_000,
    durationMs: 1000,
    pcm: (rateHz) => new Uint8Array(2 * rateHz),
    airsAtMs,
  };
}
