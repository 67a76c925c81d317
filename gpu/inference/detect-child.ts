import { join } from "node:path";
import { createStatelessVad, vadFrameSamples } from "../../src/vad/silero.ts";
import { modelFailure, serveTask } from "./child.ts";
import { detectRequest } from "./messages.ts";

/**
 * `livedub-sts detect`: voice activity detection for sessions, as a child of `serve`. It is a process of its
 * own so that it answers while the recogniser decodes, and holds nothing of a session: the state travels.
 */
export function runDetectChild(): Promise<never> {
  return serveTask({
    request: detectRequest,
    async load({ modelsDir }) {
      const net = await createStatelessVad(
        join(modelsDir, "vad", "silero-v6", "silero_vad_v6.onnx"),
      );
      await net.detect(new Float32Array(vadFrameSamples)); // the first run allocates
      return {
        info: { model: "silero-v6" },
        handle: ({ samples, state }) => net.detect(samples, state),
      };
    },
    explain: modelFailure,
  });
}
