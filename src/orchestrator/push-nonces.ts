import { randomBytes } from "node:crypto";

interface Granted {
  readonly path: string;
  readonly expiresAtMs: number;
}

/** From the request to FFmpeg's connection pass milliseconds; a loaded machine may need seconds. */
const validForMs = 30_000;
/** A relay that asks again and again without ever publishing keeps no more than this many open. */
const mostPerPath = 4;

/**
 * The right to publish to an `out` path: given to our relays, one publish each, because the URL that
 * carries it stands in FFmpeg's argv for everybody on the machine to read.
 */
export class PushNonces {
  #granted = new Map<string, Granted>();

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  /** A fresh nonce for one publish to `path`; the oldest unused ones of that path lapse. */
  grant(path: string): string {
    this.#dropExpired();
    const ofPath = [...this.#granted].filter(([, granted]) => granted.path === path);
    for (const [nonce] of ofPath.slice(0, Math.max(0, ofPath.length + 1 - mostPerPath)))
      this.#granted.delete(nonce);
    const nonce = randomBytes(24).toString("base64url");
    this.#granted.set(nonce, { path, expiresAtMs: this.nowMs() + validForMs });
    return nonce;
  }

  /** True once for each nonce granted for this path; it is used up by the asking. */
  redeem(nonce: string, path: string): boolean {
    this.#dropExpired();
    const granted = this.#granted.get(nonce);
    if (granted === undefined || granted.path !== path) return false;
    this.#granted.delete(nonce);
    return true;
  }

  /** Takes back what was granted for a path and never used. */
  revoke(path: string): void {
    for (const [nonce, granted] of this.#granted)
      if (granted.path === path) this.#granted.delete(nonce);
  }

  #dropExpired(): void {
    const now = this.nowMs();
    for (const [nonce, granted] of this.#granted)
      if (granted.expiresAtMs <= now) this.#granted.delete(nonce);
  }
}
