import { errorSimulationSchema, simulateDisconnectSchema } from "../../src/protocol/sts-events.ts";
import { describeProblems } from "../../src/protocol/sts-scalars.ts";
import type { EchoProcessor } from "../session/echo-processor.ts";
import type { SessionPeer } from "../session/session-peer.ts";

/** What the events need of their connection. */
interface SimulationPeer extends SessionPeer {
  disconnect(): void;
}

/** The events of echo mode with which clients are tested: errors on demand, and a disconnect. */
export class SimulationEvents {
  #leaveTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param echo undefined in real mode, where both events are refused */
  constructor(
    private readonly echo: EchoProcessor | undefined,
    private readonly peer: SimulationPeer,
  ) {}

  /** `config:error_simulation`, for the session's queue. */
  errors(payload: unknown, queue: string | undefined): void {
    if (this.echo === undefined || queue === undefined)
      return this.#refuse("config:error_simulation");
    const parsed = errorSimulationSchema.safeParse(payload);
    if (!parsed.success)
      return this.peer.send("config:error_simulation:ack", {
        status: "rejected",
        rules_count: 0,
        message: describeProblems(parsed.error),
      });
    this.echo.simulate(queue, parsed.data);
    return this.peer.send("config:error_simulation:ack", {
      status: "accepted",
      rules_count: parsed.data.rules.length,
      message: null,
    });
  }

  /** `simulate:disconnect`: the server ends the connection after a while. */
  disconnect(payload: unknown): void {
    if (this.echo === undefined) return this.#refuse("simulate:disconnect");
    const parsed = simulateDisconnectSchema.safeParse(payload);
    if (!parsed.success)
      return this.peer.refuse(
        "MALFORMED_DATA",
        `simulate:disconnect is malformed: ${describeProblems(parsed.error)}`,
      );
    const { delay_ms: delayMs, reason } = parsed.data;
    this.peer.send("simulate:disconnect:ack", {
      status: "scheduled",
      disconnect_at_ms: Date.now() + delayMs,
      message: `disconnecting in ${delayMs} ms${reason === undefined ? "" : `: ${reason}`}`,
    });
    clearTimeout(this.#leaveTimer);
    this.#leaveTimer = setTimeout(() => this.peer.disconnect(), delayMs);
    return undefined;
  }

  close(): void {
    clearTimeout(this.#leaveTimer);
  }

  #refuse(event: string): void {
    this.peer.refuse("INVALID_CONFIG", `${event} exists only in echo mode (STS_MODE=echo)`);
  }
}
