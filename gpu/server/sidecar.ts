import type { SidecarConfig } from "../../src/config/sidecar-rules.ts";
import type { Logger } from "../../src/telemetry/log.ts";
import type { DubEngine } from "../inference/engine.ts";
import type { EchoProcessor } from "../session/echo-processor.ts";
import type { FragmentProcessor } from "../session/fragment-processor.ts";
import type { ClauseParts } from "../session/clause-parts.ts";
import type { LoadPolicy } from "../session/load-policy.ts";
import type { SessionRegistry } from "../session/session-registry.ts";
import type { Access } from "./access.ts";
import type { SidecarMetrics } from "./metrics.ts";

/** Whether fragments may come. */
export type Readiness = "starting" | "ready" | "degraded" | "failed" | "stopping";

/** What every part of the server shares. */
export interface Sidecar {
  readonly config: SidecarConfig;
  readonly version: string;
  readonly access: Access;
  readonly metrics: SidecarMetrics;
  readonly logger: Logger;
  readonly registry: SessionRegistry;
  readonly processor: FragmentProcessor;
  /** Wraps a session's own processor where answered fragments are kept as files. */
  readonly kept: (processor: FragmentProcessor) => FragmentProcessor;
  /** What sessions by clauses share; undefined where the engine has no stages of its own. */
  readonly clauses: ClauseParts | undefined;
  readonly policy: LoadPolicy;
  /** The models; undefined in echo mode. */
  readonly engine: DubEngine | undefined;
  /** The echo; undefined in real mode. */
  readonly echo: EchoProcessor | undefined;
  readiness(): Readiness;
  /** A connection that has no session, or whose stream is complete, is closed after this long. */
  readonly idleLimitMs: number;
}
