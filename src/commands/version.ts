import { defineCommand } from "citty";
import { livedubVersion } from "../config/version.ts";
import { presentNets } from "../separation/choose-net.ts";
import { toolVersions } from "../weights/cache-paths.ts";

/** Prints the version, and those of the programs that this build was proven with. */
export const versionCommand = defineCommand({
  meta: { name: "version", description: "Print the version" },
  run() {
    const nets = presentNets(process.env);
    process.stdout.write(
      `livedub ${livedubVersion} (Bun ${Bun.version}, FFmpeg ${toolVersions.ffmpeg}, MediaMTX ${toolVersions.mediamtx})\n` +
        `separation: ${nets.length === 0 ? "none" : nets.join(", ")}\n`,
    );
  },
});
