import { join } from "node:path";
import type { StreamSettings } from "../config/streams.ts";
import { jointLanguage } from "../mediamtx/stream-path.ts";
import type { MixTuning, RelaySpec, WorkerSpec } from "../protocol/supervisor.ts";

/** What every stream's processes are told alike, from the configuration. */
export interface CommonSpec {
  readonly ffmpegPath: string;
  /** What relays and workers inherit, see `child-environment.ts`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly socketFolder: string;
  /** The media server is ours, and so its outputs may outlive their pushes. */
  readonly keepsOutputs: boolean;
  /** This `serve`, so that two edges with a stream of the same name keep apart at a shared sidecar. */
  readonly edgeId: string;
  /** Silero weights, where they are. */
  readonly vadModelPath: string | undefined;
  /** The net that separates beds, where one is there and wanted. */
  readonly separation?: WorkerSpec["separation"] | undefined;
  readonly tuning?: MixTuning;
  readonly withoutBed: RelaySpec["withoutBed"];
  readonly bgGain: number;
  readonly dubGain: number;
  readonly fragmentMs: number | undefined;
  readonly overlapMs: number;
  /** Streams of several languages have an output with the sound of all of them too. */
  readonly jointOutput: boolean;
  readonly stsMode: "enabled" | "passthrough" | "disabled";
  /** Where workers leave what their runs did; undefined: nowhere. */
  readonly bundle: WorkerSpec["bundle"];
  readonly sts: Omit<WorkerSpec["sts"], "endpoints">;
}

/** What one run of one stream is called. */
export interface RunNames {
  readonly streamId: string;
  readonly runId: string;
  /** Of the relay, which a worker of the same run shares its socket with. */
  readonly relayInstanceId: string;
}

function socketPath(common: CommonSpec, names: RunNames): string {
  return join(common.socketFolder, `${names.relayInstanceId}.sock`);
}

/** Whether a stream has an output with the sound of all of its languages. */
export function hasJointOutput(
  { jointOutput }: Pick<CommonSpec, "jointOutput">,
  { furtherLanguages }: Pick<StreamSettings, "furtherLanguages">,
): boolean {
  return jointOutput && furtherLanguages.length > 0;
}

/** The specification of a run's relay. `inputUrl` carries the reader secret. */
export function relaySpecOf(
  common: CommonSpec,
  names: RunNames,
  settings: StreamSettings,
  inputUrl: string,
): RelaySpec {
  return {
    streamId: names.streamId,
    runId: names.runId,
    instanceId: names.relayInstanceId,
    inputUrl,
    languages: [settings.targetLanguage, ...settings.furtherLanguages],
    ...(hasJointOutput(common, settings) ? { joint: jointLanguage } : {}),
    socketPath: socketPath(common, names),
    ffmpegPath: common.ffmpegPath,
    ...(common.keepsOutputs ? { fillerFolder: common.socketFolder } : {}),
    playoutDelayMs: settings.playoutDelayMs,
    fallback: settings.fallback,
    withoutBed: common.withoutBed,
    bgGain: common.bgGain,
    dubGain: common.dubGain,
    ...(common.tuning === undefined ? {} : { tuning: common.tuning }),
  };
}

/** The specification of one worker of a run. */
export function workerSpecOf(
  common: CommonSpec,
  names: RunNames & { readonly instanceId: string },
  settings: StreamSettings,
  endpoints: WorkerSpec["sts"]["endpoints"],
): WorkerSpec {
  return {
    streamId: names.streamId,
    runId: names.runId,
    instanceId: names.instanceId,
    // The same for every worker of a stream: a sidecar then replaces the session of the one that died.
    workerId: `${common.edgeId}-${names.streamId}`.slice(0, 64),
    socketPath: socketPath(common, names),
    mode: common.stsMode === "passthrough" ? "passthrough" : "enabled",
    sourceLanguage: settings.sourceLanguage,
    targetLanguages: [settings.targetLanguage, ...settings.furtherLanguages],
    voice: settings.voice,
    playoutDelayMs: settings.playoutDelayMs,
    ...(common.fragmentMs === undefined ? {} : { fragmentMs: common.fragmentMs }),
    overlapMs: common.overlapMs,
    sts: { ...common.sts, endpoints },
    ...(common.bundle === undefined ? {} : { bundle: common.bundle }),
    ...(common.vadModelPath === undefined ? {} : { vadModelPath: common.vadModelPath }),
    ...(common.separation === undefined ? {} : { separation: common.separation }),
  };
}
