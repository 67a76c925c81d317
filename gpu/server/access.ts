import { createHash, timingSafeEqual } from "node:crypto";

/** What a client shows to be let in: any of these may hold the key. */
export interface Credentials {
  /** `auth.token` of a Socket.IO handshake. */
  readonly token?: unknown;
  /** The header `Authorization`. */
  readonly authorization?: string | undefined;
  /** The header `X-API-Key`. */
  readonly apiKey?: string | undefined;
}

/** Lets clients in that show the key, or everybody where no key is set. Compares in constant time. */
export class Access {
  readonly #digest: Buffer | undefined;

  constructor(key: string | undefined) {
    this.#digest = key === undefined ? undefined : digest(key);
  }

  get isOpen(): boolean {
    return this.#digest === undefined;
  }

  allows(shown: Credentials): boolean {
    if (this.#digest === undefined) return true;
    const bearer = /^Bearer\s+(\S+)\s*$/i.exec(shown.authorization ?? "")?.[1];
    let allowed = false;
    for (const candidate of [shown.token, bearer, shown.apiKey])
      if (typeof candidate === "string" && timingSafeEqual(digest(candidate), this.#digest))
        allowed = true;
    return allowed;
  }
}

/** Equal lengths for the comparison, whatever is shown. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
