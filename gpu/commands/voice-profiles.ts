import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { ConfigError } from "../../src/config/setting.ts";
import type { SidecarConfig } from "../../src/config/sidecar-rules.ts";
import { languageTag } from "../../src/protocol/sts-scalars.ts";
import type { RealEngineOptions } from "../inference/real-engine.ts";

type VoiceProfiles = NonNullable<RealEngineOptions["voiceProfiles"]>;

/** Where the container image keeps a file of voices, if its owner mounts one. */
export const imageVoicesPath = "/config/voices.json";

const profileSchema = z.object({
  language: languageTag.transform((tag) => (tag.split(/[-_]/)[0] ?? tag).toLowerCase()),
  model: z.string().optional(),
  speaker: z.string().min(1).optional(),
  gender: z.string().optional(),
  description: z.string().optional(),
  reference_audio: z.string().optional(),
  voice_id: z.string().min(1).max(200).optional(),
});

const profilesSchema = z
  .record(z.string().min(1), profileSchema)
  .refine((profiles) => Object.hasOwn(profiles, "default"), "must hold a profile named default");

/**
 * Reads the file of named voices.
 * @param path as configured; without one the container image's own is read where it exists
 * @param provider `TTS_PROVIDER`: a voice service needs a voice of its own, and its voices need it
 * @returns undefined: the built-in voices only
 * @throws {ConfigError} naming the file and what is wrong in it
 */
export function readVoiceProfiles(
  path: string | undefined,
  provider: SidecarConfig["ttsProvider"] = "local",
): VoiceProfiles | undefined {
  const isService = provider !== "local";
  if (path === undefined && !existsSync(imageVoicesPath)) {
    if (!isService) return undefined;
    throw new ConfigError([
      `TTS_PROVIDER=${provider}: needs a profile with a voice_id; name the file of profiles with VOICE_PROFILES_PATH`,
    ]);
  }
  const file = path ?? imageVoicesPath;
  const problem = (text: string) => new ConfigError([`VOICE_PROFILES_PATH=${file}: ${text}`]);
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw problem((error as Error).message);
  }
  const parsed = profilesSchema.safeParse(content);
  if (!parsed.success)
    throw problem(
      parsed.error.issues
        .map((issue) => `${issue.path.map(String).join(".")}: ${issue.message}`)
        .join("; "),
    );
  const cloned = Object.entries(parsed.data).find(([, profile]) => profile.reference_audio);
  if (cloned !== undefined)
    throw problem(`${cloned[0]}.reference_audio: voices cannot be cloned; name a speaker instead`);
  const served = Object.entries(parsed.data).find(([, profile]) => profile.voice_id);
  if (served !== undefined && !isService)
    throw problem(
      `${served[0]}.voice_id: needs a voice service; set TTS_PROVIDER to openai-compatible or elevenlabs`,
    );
  if (served === undefined && isService)
    throw problem(`no profile has a voice_id for TTS_PROVIDER=${provider}`);
  return Object.fromEntries(
    Object.entries(parsed.data).map(([name, { language, speaker, voice_id: voiceId }]) => [
      name,
      {
        language,
        ...(speaker !== undefined && { speaker }),
        ...(voiceId !== undefined && { voiceId }),
      },
    ]),
  );
}
