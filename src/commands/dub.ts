import { defineCommand } from "citty";
import { ConfigError } from "../config/setting.ts";
import { ExtractionError } from "../media/embedded.ts";
import { FfmpegNotFoundError } from "../media/ffmpeg-binary.ts";
import { ModelFileError } from "../onnx/model-file.ts";
import { FileRelayError } from "../relay/file-inspection.ts";
import { DubError, dubExitCode } from "./dub-error.ts";
import { dubFile } from "./dub-run.ts";

const description = `Dub a file: the same video, its speech in another language.
Exit codes: 0 done, 2 wrong option or setting, 3 input unreadable, 4 no sidecar or it refuses
(key, languages), 5 output not writable, 130 interrupted (nothing is left behind), 1 anything else`;

/** Dubs a file through the same relay and worker as a live stream, as fast as the machine allows. */
export const dubCommand = defineCommand({
  meta: { name: "dub", description },
  args: {
    input: { type: "positional", required: false, description: "Media file with speech" },
    output: {
      type: "string",
      alias: "o",
      description: "File to write; its ending says the container",
    },
    target: { type: "string", description: "Language to dub into (WORKER_TARGET_LANG)" },
    source: { type: "string", description: "Language spoken (WORKER_SOURCE_LANG)" },
    voice: { type: "string", description: "Voice of the dub (WORKER_TTS_VOICE)" },
    report: {
      type: "string",
      description: "Write fragments, texts and totals as JSON to this file",
    },
    stems: {
      type: "string",
      description: "Write the dub and the bed as separate sound to this folder",
    },
    captions: {
      type: "boolean",
      description: "Write captions of both languages beside the output, NAME.<language>.vtt",
    },
    "captions-format": {
      type: "string",
      description: "vtt (default) or srt; writes captions too",
    },
    sts: { type: "string", description: "URL of the sidecar (WORKER_STS_SERVICE_URL)" },
    fallback: {
      type: "string",
      description:
        "Where no dub came: original, background, ducked, repeat_last, silence (WORKER_FALLBACK_MODE)",
    },
  },
  async run({ args, rawArgs, cmd }) {
    const known = Object.keys(cmd.args ?? {});
    const wrong = wrongArguments(rawArgs, known) ?? missingArgument(args);
    if (wrong !== undefined) {
      process.stderr.write(`livedub dub: ${wrong}; see livedub dub --help\n`);
      process.exit(dubExitCode.usage);
    }
    const aborter = new AbortController();
    let signals = 0;
    const onSignal = () => {
      signals += 1;
      aborter.abort();
      if (signals > 1) process.exit(dubExitCode.interrupted); // whoever asks twice does not wait
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
    process.exit(
      await run(
        {
          input: args.input ?? "",
          output: args.output ?? "",
          report: args.report,
          stems: args.stems,
          captions: args["captions-format"] ?? (args.captions === true ? "vtt" : undefined),
          overrides: {
            ...(args.target ? { WORKER_TARGET_LANG: args.target } : {}),
            ...(args.source ? { WORKER_SOURCE_LANG: args.source } : {}),
            ...(args.voice ? { WORKER_TTS_VOICE: args.voice } : {}),
            ...(args.sts ? { WORKER_STS_SERVICE_URL: args.sts } : {}),
            ...(args.fallback ? { WORKER_FALLBACK_MODE: args.fallback } : {}),
          },
        },
        aborter.signal,
      ),
    );
  },
});

/** A misspelt option would otherwise be passed over in silence. */
function wrongArguments(rawArgs: readonly string[], known: readonly string[]): string | undefined {
  const options = rawArgs.filter((word) => word.startsWith("-") && word !== "-");
  const names = options.map((word) => word.replace(/^-+/, "").split("=")[0] ?? "");
  const unknown = names.find((name) => name !== "o" && !known.includes(name));
  return unknown === undefined ? undefined : `there is no option ${unknown}`;
}

function missingArgument(args: {
  input?: string | undefined;
  output?: string | undefined;
}): string | undefined {
  if (!args.input) return "which file? Name the input";
  return args.output ? undefined : "where to? Name the output with -o FILE";
}

async function run(options: Parameters<typeof dubFile>[0], signal: AbortSignal): Promise<number> {
  try {
    process.stdout.write(`${await dubFile(options, signal)}\n`);
    return dubExitCode.done;
  } catch (error) {
    if (signal.aborted) {
      process.stderr.write("livedub dub: interrupted; nothing was written\n");
      return dubExitCode.interrupted;
    }
    const { message, code } = explain(error);
    process.stderr.write(`livedub dub: ${message}\n`);
    return code;
  }
}

/** Whose fault it is when the file relay gives up. */
const faultOf = {
  "input-unreadable": "input",
  "input-without-audio": "input",
  "input-without-video": "input",
  "decode-failed": "input",
  "output-unsupported": "output",
  "output-unwritable": "output",
  "worker-ended": "internal",
  aborted: "interrupted",
} as const satisfies Record<FileRelayError["code"], keyof typeof dubExitCode>;

function explain(error: unknown): { message: string; code: number } {
  if (error instanceof DubError) return { message: error.message, code: dubExitCode[error.fault] };
  if (error instanceof ConfigError) return { message: error.message, code: dubExitCode.usage };
  if (error instanceof FileRelayError)
    return { message: error.message, code: dubExitCode[faultOf[error.code]] };
  const ofThisMachine =
    error instanceof FfmpegNotFoundError ||
    error instanceof ExtractionError ||
    error instanceof ModelFileError;
  if (ofThisMachine) return { message: error.message, code: dubExitCode.internal };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { message, code: dubExitCode.internal };
}
