import type { Session } from "./session.ts";

/** Who holds a stream. */
export interface StreamHolder {
  readonly session: Session;
  readonly workerId: string;
  /** False when nothing was heard of its socket for longer than a ping and its answer take. */
  isAlive(): boolean;
  /** The stream was given to another connection. */
  evict(): void;
}

export type Admission = "admitted" | "busy" | "full";

/** Which connection holds which stream: one session a stream, and at most so many in all. */
export class SessionRegistry {
  readonly #holders = new Map<string, StreamHolder>();

  /** @param most sessions at a time; undefined = no limit */
  constructor(private readonly most: number | undefined) {}

  get size(): number {
    return this.#holders.size;
  }

  /**
   * Whether a worker may take a stream. The same worker replaces its own session, and anyone a dead
   * one; a stream that another live worker holds is busy, so that two cannot evict each other for ever.
   */
  admit(streamId: string, workerId: string): Admission {
    const holder = this.#holders.get(streamId);
    if (holder !== undefined) {
      const over = holder.session.state === "completed" || !holder.isAlive();
      return over || holder.workerId === workerId ? "admitted" : "busy";
    }
    return this.most !== undefined && this.#holders.size >= this.most ? "full" : "admitted";
  }

  /** Takes the stream from whoever holds it, so that it can be {@link hold held} anew. */
  free(streamId: string): void {
    const holder = this.#holders.get(streamId);
    this.#holders.delete(streamId);
    holder?.evict();
  }

  hold(streamId: string, holder: StreamHolder): void {
    this.#holders.set(streamId, holder);
  }

  /** Forgets a session that is over; a newer one of the same stream stays. */
  release(session: Session): void {
    const { streamId } = session.options;
    if (this.#holders.get(streamId)?.session === session) this.#holders.delete(streamId);
  }

  sessions(): Session[] {
    return [...this.#holders.values()].map((holder) => holder.session);
  }
}
