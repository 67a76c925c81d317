import {
  EgressForwarder,
  type EgressForwarderOptions,
  type EgressSnapshot,
} from "../egress/forwarder.ts";
import type { Destination } from "../config/egress.ts";
import type { StreamSettings } from "../config/streams.ts";
import { outputPath } from "../mediamtx/stream-path.ts";
import { newInstanceId } from "./run-id.ts";

/** What all forwarders of a stream have in common. */
export type StreamEgressOptions = Omit<
  EgressForwarderOptions,
  "destination" | "instanceId" | "onState" | "inputUrl"
> & {
  readonly destinations: readonly Destination[];
  /** Where a destination's language is read; undefined: the stream's first. */
  readonly inputUrl: (language: string | undefined) => string;
  readonly onState: (snapshot: EgressSnapshot) => void;
  readonly childSpawned: (pid: number, name: string) => void;
  readonly childGone: (pid: number) => void;
};

/** The forwarders of one stream: one for each of its destinations, none of which touches the others. */
export class StreamEgress {
  #forwarders: EgressForwarder[];

  constructor(readonly options: StreamEgressOptions) {
    this.#forwarders = options.destinations.map((destination) => {
      let pid: number | null = null;
      return new EgressForwarder({
        ...options,
        destination,
        inputUrl: options.inputUrl(destination.language),
        instanceId: newInstanceId(),
        onState: (snapshot) => {
          if (snapshot.pid !== pid) {
            if (pid !== null) options.childGone(pid);
            pid = snapshot.pid;
            if (pid !== null) options.childSpawned(pid, `egress ${options.streamId}`);
          }
          options.onState(snapshot);
        },
      });
    });
  }

  /** Starts forwarding; calling it again changes nothing. */
  start(): void {
    for (const forwarder of this.#forwarders) forwarder.start();
  }

  /** Ends every forwarder, side by side, within 5 s. */
  async close(reason: string): Promise<void> {
    await Promise.all(this.#forwarders.map((forwarder) => forwarder.close(reason)));
  }

  /** Ends them without asking. */
  kill(): void {
    for (const forwarder of this.#forwarders) forwarder.kill();
  }

  get snapshots(): readonly EgressSnapshot[] {
    return this.#forwarders.map((forwarder) => forwarder.snapshot);
  }
}

/** Where the outputs of a stream are read, by language; one that it does not have is the first. */
export function egressInputs(
  base: string,
  stream: { readonly streamId: string; readonly settings: StreamSettings },
): StreamEgressOptions["inputUrl"] {
  return (language) => {
    const further = stream.settings.furtherLanguages.find((one) => one === language);
    return `${base.replace(/\/+$/, "")}/${outputPath(stream.streamId, further)}`;
  };
}
