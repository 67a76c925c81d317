import { expect, test } from "bun:test";
import fc from "fast-check";
import { loadEdgeConfig } from "../../../src/config/edge-config.ts";
import { resolveStream, type StreamSection } from "../../../src/config/streams.ts";

const youtube = { name: "yt", url: "rtmp://a.example/live2/key" };
const twitch = { name: "tw", url: "rtmp://b.example/app/key" };

function withSection(section: StreamSection, environment: Record<string, string> = {}) {
  return { ...loadEdgeConfig(environment), streams: new Map([["match", section]]) };
}

test("the publish URL's query wins over the stream's section, the section over the global settings", () => {
  const config = withSection(
    { target: ["fr"], voice: "anna", delay: 5000 },
    { WORKER_TARGET_LANG: "it", WORKER_TTS_VOICE: "bert", WORKER_FALLBACK_MODE: "silence" },
  );
  const { settings, warnings } = resolveStream(config, "match", "lang=es&src=pt&key=abc");
  expect(settings).toEqual({
    sourceLanguage: "pt",
    targetLanguage: "es",
    furtherLanguages: [],
    voice: "anna",
    playoutDelayMs: 5000,
    fallback: "silence",
    egress: [],
  });
  expect(warnings).toEqual([]);
  expect(resolveStream(config, "other").settings.targetLanguage).toBe("it");
});

test("several target languages: the first is the stream's own, each at most once", () => {
  const config = withSection({}, { WORKER_TARGET_LANG: "pt, es-419,fr" });
  const { settings } = resolveStream(config, "match");
  expect(settings.targetLanguage).toBe("pt");
  expect(settings.furtherLanguages).toEqual(["es-419", "fr"]);
  const asked = resolveStream(config, "match", "lang=it,de").settings;
  expect([asked.targetLanguage, ...asked.furtherLanguages]).toEqual(["it", "de"]);
  expect(() => withSection({}, { WORKER_TARGET_LANG: "pt,pt-BR" })).toThrow(
    "names a language twice",
  );
});

test("a bad value in the query is left out with a warning and breaks nothing", () => {
  const config = withSection({ target: ["fr"] });
  const { settings, warnings } = resolveStream(config, "match", "lang=p%C3%A4h&src=");
  expect(settings.targetLanguage).toBe("fr");
  expect(warnings).toEqual([
    "query lang=päh: must be a language tag like en or pt-BR; the configured value is used",
  ]);
  fc.assert(
    fc.property(fc.string(), (query) => {
      const { settings: any } = resolveStream(config, "match", query);
      expect(any.targetLanguage).toMatch(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/);
    }),
  );
});

test("rules of the environment replace a stream's destinations, and egress can be switched off", () => {
  const rules = { version: 1, rules: [{ streamId: "match", destinations: [twitch] }] };
  const section = { egress: [youtube] };
  const egressOf = (environment: Record<string, string>, query = "") =>
    resolveStream(withSection(section, environment), "match", query).settings.egress;
  expect(egressOf({})).toEqual([youtube]);
  expect(egressOf({ EGRESS_RULES_JSON: JSON.stringify(rules) })).toEqual([twitch]);
  expect(egressOf({}, "egress=0")).toEqual([]);
  expect(egressOf({}, "egress=1")).toEqual([youtube]);
  expect(egressOf({ EGRESS_ENABLED: "false" })).toEqual([]);
  const asked = resolveStream(withSection({}, { EGRESS_ENABLED: "true" }), "match");
  expect(asked.warnings).toEqual([
    "EGRESS_ENABLED=true, but no rule names a destination for this stream",
  ]);
});
