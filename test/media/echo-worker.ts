import { floatToPcm16, stereoPcm16ToMono } from "../../src/audio/pcm.ts";
import {
  relayWorkerProtocolVersion,
  type RegionKind,
  type WorkerLink,
  type WorkerToRelay,
} from "../../src/protocol/relay-worker.ts";

/**
 * The other end of a link in tests: settles every fragment of half a second at once. With `replace` it
 * gives the source's own sound back as its audio, with the other kinds it sends none.
 */
export function attachEchoWorker(
  link: WorkerLink,
  languages: readonly string[],
  kindOf: (fragment: number, language: string) => RegionKind = () => "replace",
): void {
  const fragmentSamples = 24_000;
  let startSample: number | undefined;
  let held: Uint8Array = new Uint8Array(0);
  let fragments = 0;
  const queue: WorkerToRelay[] = [];
  let sending = false;

  const send = async () => {
    if (sending) return;
    sending = true;
    for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
      while (!link.send(message)) await link.ready();
    }
    sending = false;
  };
  const settle = (bytes: Uint8Array) => {
    const from = startSample as number;
    startSample = from + bytes.length / 4;
    const fragment = fragments++;
    const fragmentId = `fragment-${from}`;
    const pcm = floatToPcm16(stereoPcm16ToMono(bytes));
    const endSample = startSample;
    for (const language of languages) {
      const kind = kindOf(fragment, language);
      if (kind === "replace") queue.push({ type: "audio", language, startSample: from, pcm });
      queue.push({ type: "region", language, startSample: from, endSample, kind, fragmentId });
    }
    void send();
  };
  link.onMessage = (message) => {
    if (message.type === "pcm") {
      startSample ??= message.startSample;
      held = Buffer.concat([held, message.pcm]);
      while (held.length >= fragmentSamples * 4) {
        settle(held.slice(0, fragmentSamples * 4));
        held = held.slice(fragmentSamples * 4);
      }
    } else if (message.type === "end") {
      if (held.length > 0) settle(held);
      queue.push({ type: "done" });
      void send();
    }
  };
  queue.push({ type: "hello", version: relayWorkerProtocolVersion, workerId: "echo" });
  void send();
}
