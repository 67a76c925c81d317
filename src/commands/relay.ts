import { ParentChannel } from "../process/parent-channel.ts";
import {
  supervisorToRelay,
  type RelayToSupervisor,
  type SupervisorToRelay,
} from "../protocol/supervisor.ts";
import { LiveRelay } from "../relay/live-relay.ts";

/** After this long a stop that hangs is cut short; the native children die with us. */
const stopWithinMs = 4000;

/**
 * The hidden command `livedub relay`: one live stream's media path in a process of its own. Its settings
 * come over the parent's channel; it ends with exit code 0 when asked to, and when its parent is gone.
 */
export async function runRelayCommand(): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  let relay: LiveRelay | undefined;
  const channel = new ParentChannel<SupervisorToRelay, RelayToSupervisor>({
    incoming: supervisorToRelay,
    onMessage: (message) => {
      if (message.type === "stop") stopped.resolve();
      else if (message.type !== "configure") relay?.handle(message);
      else if (relay === undefined) {
        relay = new LiveRelay(message.spec, { send: (said) => void channel.send(said) });
        relay.start().catch(stopped.reject);
      }
    },
    onOrphaned: () => stopped.resolve(),
    onBadMessage: (problem) =>
      void channel.send({ type: "event", level: "error", code: "bad-message", message: problem }),
  });
  process.once("SIGTERM", () => stopped.resolve());
  process.on("SIGINT", () => {}); // Ctrl-C reaches the whole group; the parent decides when we stop
  try {
    await stopped.promise;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    channel.send({ type: "event", level: "error", code: "relay-failed", message });
    process.exitCode = 1;
  }
  setTimeout(() => process.exit(), stopWithinMs).unref();
  await relay?.close();
  process.exit();
}
