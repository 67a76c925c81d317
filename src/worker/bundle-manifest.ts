import { z } from "zod";

export const captureMode = z.enum(["metadata", "media", "debug"]);
export type CaptureMode = z.infer<typeof captureMode>;

const assetKind = z.enum([
  "stt-json",
  "tts-json",
  "timing-json",
  "in-pcm",
  "in-wav",
  "out-wav",
  "alert-json",
]);
export type AssetKind = z.infer<typeof assetKind>;

const manifestFragment = z.object({
  fragmentId: z.string(),
  seq: z.number(),
  time: z.object({ startMs: z.number(), endMs: z.number() }),
  status: z.enum(["received", "processing", "processed", "failed"]),
  latency: z
    .object({
      sttMs: z.number().optional(),
      translateMs: z.number().optional(),
      ttsMs: z.number().optional(),
      totalMs: z.number().optional(),
    })
    .optional(),
  assets: z.array(
    z.object({
      kind: assetKind,
      /** Relative to the bundle. */
      path: z.string(),
      bytes: z.number(),
      sha256: z.string(),
      writtenAt: z.string(),
    }),
  ),
});
export type ManifestFragment = z.infer<typeof manifestFragment>;

const manifestError = z.object({
  at: z.string(),
  scope: z.enum(["run", "fragment", "asset"]),
  message: z.string(),
  fragmentId: z.string().optional(),
  assetPath: z.string().optional(),
});
export type ManifestError = z.infer<typeof manifestError>;

/** `manifest.json` of a run bundle (contract 8.3). */
export const bundleManifest = z.object({
  schemaVersion: z.literal("1.0"),
  streamId: z.string(),
  runId: z.string(),
  instanceId: z.string(),
  createdAt: z.string(),
  updatedAt: z.string(),
  streamPaths: z.object({ in: z.string(), out: z.string() }),
  pipeline: z.object({
    pcm: z.object({
      sampleRateHz: z.literal(48_000),
      channels: z.literal(2),
      format: z.literal("s16le"),
    }),
    bufferingTargetSec: z.number(),
    videoMode: z.literal("copy"),
  }),
  capture: z.object({ mode: captureMode, mediaEnabled: z.boolean() }),
  counters: z.record(z.string(), z.number()),
  fragments: z.array(manifestFragment),
  errors: z.array(manifestError),
});
export type BundleManifest = z.infer<typeof bundleManifest>;
