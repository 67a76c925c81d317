import type { z } from "zod";

/**
 * The child's end of {@link BunChild}'s channel. When the parent goes away the child has no owner
 * left: `onOrphaned` is called once and must end the process.
 */
export class ParentChannel<Incoming, Outgoing> {
  constructor(options: {
    readonly incoming: z.ZodType<Incoming>;
    readonly onMessage: (message: Incoming) => void;
    readonly onOrphaned: () => void;
    readonly onBadMessage?: (problem: string) => void;
  }) {
    if (process.send === undefined)
      throw new Error("this command is started by livedub itself, not by hand");
    process.on("message", (message) => {
      const parsed = options.incoming.safeParse(message);
      if (parsed.success) options.onMessage(parsed.data);
      else options.onBadMessage?.(parsed.error.message);
    });
    process.once("disconnect", options.onOrphaned);
  }

  /** Sends a message; false when the parent is gone. */
  send(message: Outgoing): boolean {
    if (!process.connected) return false;
    process.send?.(message);
    return true;
  }
}
