import { defineCommand, runMain } from "citty";
import { livedubVersion } from "./config/version.ts";
import { keepLoopbackDirect } from "./process/loopback-direct.ts";

/**
 * `livedub`: the command line, and the entry of every process of the edge. Commands are loaded when they
 * are asked for: MediaMTX runs `livedub hook` at every change of a path, and it has to start fast.
 */
const main = defineCommand({
  meta: {
    name: "livedub",
    version: livedubVersion,
    description: "Live dubbing: a live feed in, the same video back with its speech dubbed",
  },
  subCommands: {
    serve: () => import("./commands/serve.ts").then((module) => module.serveCommand),
    demo: () => import("./commands/demo.ts").then((module) => module.demoCommand),
    dub: () => import("./commands/dub.ts").then((module) => module.dubCommand),
    doctor: () => import("./commands/doctor.ts").then((module) => module.doctorCommand),
    streams: () => import("./commands/streams.ts").then((module) => module.streamsCommand),
    config: () => import("./commands/config.ts").then((module) => module.configCommand),
    version: () => import("./commands/version.ts").then((module) => module.versionCommand),
    // Started by livedub and MediaMTX, not by people.
    relay: child("relay", () => import("./commands/relay.ts").then((m) => m.runRelayCommand())),
    worker: child("worker", () => import("./commands/worker.ts").then((m) => m.runWorkerCommand())),
    egress: () => import("./commands/egress.ts").then((module) => module.egressCommand),
    hook: () => import("./commands/hook.ts").then((module) => module.hookCommand),
  },
});

/** A process of one stream: configured over its channel; the stream's name is for whoever lists processes. */
function child(name: string, run: () => Promise<void>) {
  return defineCommand({
    meta: { name, description: "A process of one stream, started by serve", hidden: true },
    args: { stream: { type: "positional", required: false, description: "stream id" } },
    run,
  });
}

keepLoopbackDirect(process.env);
await runMain(main);
