import { text } from "./scalars.ts";
import { setting } from "./setting.ts";

/** A setting of the original documents that livedub takes without an error and does not use. */
const ignored = (name: string, reason: string) =>
  setting<string | undefined>({
    name,
    scope: "edge",
    schema: text,
    doc: "Accepted, without effect",
    ignored: reason,
  });

/** Settings of contract 7.2 that a deployment may still carry; each gives one warning when set. */
export const ignoredEdgeSettings = {
  ignoredWorkerCommand: ignored("ORCH_WORKER_COMMAND", "livedub runs its own workers"),
  ignoredWorkerArgsTemplate: ignored("ORCH_WORKER_ARGS_TEMPLATE", "livedub runs its own workers"),
  ignoredStreamIdPattern: ignored(
    "ORCH_STREAM_ID_FROM_PATH_REGEX",
    "streams are live/<stream>/in and live/<stream>/out",
  ),
  ignoredOrchRtspPort: ignored("ORCH_MEDIAMTX_RTSP_PORT", "streams are read by RTMP"),
  ignoredRtspUrl: ignored("MEDIAMTX_RTSP_URL", "streams are read by RTMP"),
};
