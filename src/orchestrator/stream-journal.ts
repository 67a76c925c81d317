/** One thing that happened to a stream, for the API and the status page. */
export interface StreamEvent {
  readonly at: string;
  readonly level: "info" | "warn" | "error";
  /** Stable, for example `worker-died`, `unsupported-language`. */
  readonly code: string;
  readonly message: string;
}

/** What one stream's page may hold; older events are in the log. */
const mostEvents = 50;

/** The latest events of one stream, oldest first. */
export class StreamJournal {
  #events: StreamEvent[] = [];

  /** Notes an event; the oldest beyond 50 goes. */
  note(level: StreamEvent["level"], code: string, message: string): void {
    this.#events.push({ at: new Date().toISOString(), level, code, message });
    if (this.#events.length > mostEvents) this.#events.shift();
  }

  get events(): readonly StreamEvent[] {
    return [...this.#events];
  }
}
