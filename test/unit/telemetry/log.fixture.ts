import { createLogger } from "../../../src/telemetry/log.ts";

/** A process that logs a while and then says on stderr that it has come through. */
const log = createLogger({ level: "info", format: process.argv[2] === "text" ? "text" : "json" });
for (let line = 0; line < 5; line += 1) {
  log.info({ line }, "something happened");
  await Bun.sleep(5);
}
process.stderr.write("came through");
