import type { PlacedSlot } from "./isochrony.ts";

/** A dub of which a part is placed. */
export interface BegunDub {
  /** From where its first part began to where its last one ends. */
  readonly slot: PlacedSlot;
  /** Its parts at tempo 1, and as they sound, without what lies between them. */
  readonly naturalMs: number;
  readonly soundMs: number;
}

/**
 * Adds a part.
 *
 * @param slot where the part lies
 * @param naturalMs the part at tempo 1
 */
export function extended(dub: BegunDub | undefined, slot: PlacedSlot, naturalMs: number): BegunDub {
  const sum = {
    naturalMs: (dub?.naturalMs ?? 0) + naturalMs,
    soundMs: (dub?.soundMs ?? 0) + slot.endMs - slot.startMs,
  };
  if (dub === undefined) return { slot, ...sum };
  const { startMs, lateMs } = dub.slot;
  return { slot: { ...slot, startMs, lateMs, tempo: sum.naturalMs / sum.soundMs }, ...sum };
}

/** Where the whole dub will lie if what is still to be spoken goes on like this; @param laterMs its length at tempo 1 */
export function toldAs({ slot }: BegunDub, laterMs: number): PlacedSlot {
  return { ...slot, endMs: slot.endMs + laterMs / slot.tempo };
}
