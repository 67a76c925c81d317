import { defineCommand } from "citty";
import { livedubVersion } from "../../src/config/version.ts";
import { stsProtocolVersion } from "../../src/protocol/sts-session.ts";

/** Prints the version of the program and of the protocol that it speaks. */
export const versionCommand = defineCommand({
  meta: { name: "version", description: "Print the version" },
  run() {
    process.stdout.write(
      `livedub-sts ${livedubVersion} (protocol ${stsProtocolVersion}, Bun ${Bun.version})\n`,
    );
  },
});
