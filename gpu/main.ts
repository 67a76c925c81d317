import { defineCommand, runMain } from "citty";
import { livedubVersion } from "../src/config/version.ts";

/** `livedub-sts`: the command line, and the entry of every process of the sidecar. */
const main = defineCommand({
  meta: {
    name: "livedub-sts",
    version: livedubVersion,
    description:
      "Speech-to-speech sidecar of livedub: takes fragments of speech, gives them back dubbed",
  },
  subCommands: {
    serve: () => import("./commands/serve.ts").then((module) => module.serveCommand),
    models: () => import("./commands/models.ts").then((module) => module.modelsCommand),
    doctor: () => import("./commands/doctor.ts").then((module) => module.doctorCommand),
    bench: () => import("./commands/bench.ts").then((module) => module.benchCommand),
    version: () => import("./commands/version.ts").then((module) => module.versionCommand),
    // Started by serve, not by people.
    detect: child("detect", () =>
      import("./inference/detect-child.ts").then((module) => module.runDetectChild()),
    ),
    recognise: child("recognise", () =>
      import("./inference/recognise-child.ts").then((module) => module.runRecogniseChild()),
    ),
    voice: child("voice", () =>
      import("./inference/voice-child.ts").then((module) => module.runVoiceChild()),
    ),
    translate: child("translate", () =>
      import("./inference/translate-child.ts").then((module) => module.runTranslateChild()),
    ),
  },
});

/** A process that runs one kind of model, configured over its channel. */
function child(name: string, run: () => Promise<void>) {
  return defineCommand({
    meta: { name, description: "A process of models, started by serve", hidden: true },
    run,
  });
}

await runMain(main);
