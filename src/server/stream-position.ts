/** The latest measurements that are kept, one a second. */
const mostMeasurements = 10;

/**
 * Where a run's output stands by the wall clock. Told once a second how far its relay has come; what is told late looks
 * as if the output were behind, so the earliest of the latest measurements counts.
 */
export class StreamPosition {
  #zeros: number[] = [];

  /**
   * @param playedMs stream time of the picture that leaves now
   * @param unixMs now
   */
  measure(playedMs: number, unixMs: number): void {
    this.#zeros.push(unixMs - playedMs);
    if (this.#zeros.length > mostMeasurements) this.#zeros.shift();
  }

  /** When the picture of stream time 0 left, or would have; undefined before the first measurement. */
  get zeroUnixMs(): number | undefined {
    return this.#zeros.length === 0 ? undefined : Math.min(...this.#zeros);
  }
}
