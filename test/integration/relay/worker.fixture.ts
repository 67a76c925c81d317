import { connect } from "node:net";
import { stereoPcm16ToMono, floatToPcm16 } from "../../../src/audio/pcm.ts";
import { encodeFrame, relayToWorkerDecoder } from "../../../src/protocol/relay-worker-codec.ts";
import {
  relayWorkerProtocolVersion,
  type WorkerToRelay,
} from "../../../src/protocol/relay-worker.ts";

/**
 * A worker in a process of its own that answers every fragment of half a second at once: `replace`
 * gives the source's sound back as its audio, `original` lets it pass.
 *
 * usage: worker.fixture.ts SOCKET LANGUAGE replace|original
 */
const [socketPath = "", language = "", answer = ""] = process.argv.slice(2);
const fragmentSamples = 24_000;

const socket = connect(socketPath);
const decoder = relayToWorkerDecoder();
const say = (message: WorkerToRelay) => void socket.write(encodeFrame(message));

let startSample: number | undefined;
let held: Uint8Array = new Uint8Array(0);

socket.on("data", (chunk: Uint8Array) => {
  for (const message of decoder.push(chunk)) {
    if (message.type === "hello") {
      say({ type: "hello", version: relayWorkerProtocolVersion, workerId: `test-${process.pid}` });
    }
    if (message.type !== "pcm") continue;
    startSample ??= message.startSample;
    held = Buffer.concat([held, message.pcm]);
    while (held.length >= fragmentSamples * 4) settle(held.subarray(0, fragmentSamples * 4));
  }
});
socket.on("close", () => process.exit(0));
setInterval(() => say({ type: "heartbeat" }), 500);

function settle(fragment: Uint8Array): void {
  const from = startSample as number;
  startSample = from + fragmentSamples;
  held = held.subarray(fragment.length);
  if (answer === "replace") {
    const pcm = floatToPcm16(stereoPcm16ToMono(fragment));
    say({ type: "audio", language, startSample: from, pcm });
  }
  say({
    type: "region",
    language,
    startSample: from,
    endSample: startSample,
    kind: answer === "replace" ? "replace" : "original",
    fragmentId: `fragment-${from}`,
  });
}
