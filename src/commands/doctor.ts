import { defineCommand } from "citty";
import { brokenRules } from "../config/edge-rules.ts";
import { loadEdgeConfig, type EdgeConfig } from "../config/edge-config.ts";
import { ConfigError } from "../config/setting.ts";
import { checkDestinations } from "./doctor/destinations.ts";
import { asText, bad, good, type Finding } from "./doctor/finding.ts";
import { checkDisk, checkPorts, checkPrograms, serveRunsHere } from "./doctor/machine.ts";
import { checkSeparation } from "./doctor/separation.ts";
import { checkSidecars } from "./doctor/sidecars.ts";

/** Tries everything that serve needs. Exit code 0: all good; 1: something failed. */
export const doctorCommand = defineCommand({
  meta: {
    name: "doctor",
    description: "Try everything that serve needs, and say how to mend what fails",
  },
  args: {
    config: { type: "string", description: "Configuration file (LIVEDUB_CONFIG)" },
    quick: { type: "boolean", description: "Do not start our own sidecar to try it" },
    json: { type: "boolean", description: "Print JSON" },
  },
  async run({ args }) {
    const findings = await examine(args.config, args.quick !== true);
    const ok = findings.every((finding) => finding.ok);
    process.stdout.write(
      args.json === true ? `${JSON.stringify({ ok, findings }, null, 2)}\n` : asText(findings),
    );
    process.exit(ok ? 0 : 1);
  },
});

async function examine(path: string | undefined, start: boolean): Promise<Finding[]> {
  let config: EdgeConfig;
  try {
    config = loadEdgeConfig(process.env, path ? { LIVEDUB_CONFIG: path } : {});
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const fix = "correct it; livedub config shows what is in effect";
    return error.problems.map((problem) => bad("configuration", problem, fix));
  }
  const { values } = config;
  const environment = {
    ...process.env,
    ...(values.ffmpegBin ? { FFMPEG_BIN: values.ffmpegBin } : {}),
    ...(values.mediamtxBin ? { MEDIAMTX_BIN: values.mediamtxBin } : {}),
    ...(values.cacheDir ? { LIVEDUB_CACHE_DIR: values.cacheDir } : {}),
  };
  const runsHere = await serveRunsHere(values.httpAddress);
  return [
    ...checkConfiguration(config),
    ...(await checkPrograms(environment)),
    ...checkPorts(values, runsHere),
    ...checkDisk(values, environment),
    checkSeparation(values.separation, environment),
    ...(await checkSidecars(config, environment, { start })),
    ...(await checkDestinations(config)),
  ];
}

function checkConfiguration(config: EdgeConfig): Finding[] {
  const broken = brokenRules(config.values).map((rule) => {
    const [detail = rule, ...fix] = rule.split(": ");
    return bad("configuration", detail, fix.join(": "));
  });
  const warnings = config.warnings.map((warning) => good("configuration", `note: ${warning}`));
  const fine = good(
    "configuration",
    config.streams.size === 0 ? "is valid" : `is valid, ${config.streams.size} stream sections`,
  );
  return broken.length > 0 ? [...broken, ...warnings] : [fine, ...warnings];
}
