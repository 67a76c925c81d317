import { join } from "node:path";
import { asBytes } from "../../src/audio/pcm.ts";
import type { WorkerLink, WorkerToRelay } from "../../src/protocol/relay-worker.ts";
import { BedSplitter } from "../../src/separation/bed-splitter.ts";
import type { SpeechNet } from "../../src/separation/speech-net.ts";
import { Counters } from "../../src/sts/counters.ts";
import { createVad } from "../../src/vad/silero.ts";
import { modelsFolder } from "../../src/weights/store.ts";
import { BedMaker } from "../../src/worker/bed-maker.ts";
import { Listener } from "../../src/worker/listener.ts";

const pieceSamples = 960;

/** What a worker tells its relay of a sound's bed: gate, windows and joins as in a stream. */
export async function separated(
  sound: Int16Array,
  net: SpeechNet,
): Promise<{ readonly messages: readonly WorkerToRelay[]; readonly counters: Counters }> {
  const folder = modelsFolder({ dir: process.env["LIVEDUB_MODELS_DIR"], env: process.env });
  const vad = await createVad(join(folder, "vad", "silero-v6", "silero_vad_v6.onnx"));
  const messages: WorkerToRelay[] = [];
  const link: WorkerLink = {
    send: (message) => messages.push(message) > 0,
    ready: () => Promise.resolve(),
    onMessage: () => {},
    onClose: () => {},
    close: () => {},
  };
  const counters = new Counters();
  const maker = new BedMaker({
    ...{ link, splitter: new BedSplitter(net), counters, airsInMs: undefined },
    onEvent: (_level, _code, message) => {
      throw new Error(message);
    },
  });
  const listener = new Listener(vad, 0);
  const end = sound.length / 2;
  for (let startSample = 0; startSample < end; startSample += pieceSamples) {
    const piece = sound.slice(2 * startSample, 2 * (startSample + pieceSamples));
    const message = { type: "pcm", startSample, airsInMs: 0, pcm: asBytes(piece) } as const;
    maker.hear(message);
    for (const frame of await listener.hear(message)) maker.judge(frame);
    listener.forget(startSample);
  }
  await maker.flush(end);
  await vad.close();
  await maker.close();
  return { messages, counters };
}
