import type { StageFigures } from "../inference/stage-figures.ts";

/** Above this share of its time a lane has no room for two streams that speak at once. */
const laneShare = 0.5;
/** Passes over sound that is still being said: the engine decodes each second about so often before its clause ends. */
const partialsASecond = 2;

export type Lane = "detect" | "recognise" | "translate" | "voice";

/** What streams that speak without a pause cost, and how many fit. */
export interface Capacity {
  /** Share of one lane's time that one stream takes. */
  readonly load: Readonly<Record<Lane, number>>;
  readonly limitedBy: Lane;
  /** 0: not even one stream fits. */
  readonly streams: number;
}

/**
 * How many live streams of one target language a machine carries with no lane above half of its time. Each lane runs
 * one call at a time; a stream is reckoned to speak without a pause, each second to be decoded once in full and twice
 * on the way, and to be dubbed by as much speech.
 */
export function capacityOf(figures: StageFigures): Capacity {
  const load = {
    detect: figures.detectRtf,
    recognise: figures.finalRtf + partialsASecond * figures.partialRtf,
    translate: figures.translateMs / 1000 / figures.clauseS,
    voice: figures.speakRtf,
  };
  const lanes = Object.keys(load) as Lane[];
  const limitedBy = lanes.reduce((worst, lane) => (load[lane] > load[worst] ? lane : worst));
  return { load, limitedBy, streams: Math.floor(laneShare / load[limitedBy]) };
}
