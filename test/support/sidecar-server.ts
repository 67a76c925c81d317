import { readSidecarConfig } from "../../src/config/sidecar-rules.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import type { DubEngine } from "../../gpu/inference/engine.ts";
import { StsService } from "../../gpu/server/sts-service.ts";

/** A sidecar in this process, on a free loopback port. */
export interface TestSidecar extends AsyncDisposable {
  readonly service: StsService;
  readonly url: string;
}

/** Starts a sidecar with settings as a user would write them; echo mode unless an engine is given. */
export async function startSidecar(
  settings: Readonly<Record<string, string>> = {},
  options: {
    readonly engine?: DubEngine;
    readonly warm?: boolean;
    readonly idleLimitMs?: number;
    readonly finishWithinMs?: number;
  } = {},
): Promise<TestSidecar> {
  const mode = options.engine === undefined ? "echo" : "real";
  const env = { ...process.env, STS_PORT: "0", STS_MODE: mode, ...settings };
  const service = new StsService({
    config: readSidecarConfig(env),
    env,
    logger: createLogger({ level: "silent", format: "json" }),
    ...options,
  });
  service.listen();
  if (options.warm !== false) await service.warm();
  return {
    service,
    url: service.url.replace(/\/$/, ""),
    [Symbol.asyncDispose]: () => service.close(),
  };
}
