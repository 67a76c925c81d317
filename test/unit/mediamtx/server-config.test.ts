import { describe, expect, test } from "bun:test";
import { readLogLine } from "../../../src/mediamtx/log-line.ts";
import {
  hookEnvironment,
  serverConfig,
  type ServerConfigOptions,
} from "../../../src/mediamtx/server-config.ts";
import {
  inputPath,
  outputPath,
  outPathPattern,
  parseStreamPath,
} from "../../../src/mediamtx/stream-path.ts";

const address = (port: number) => ({ host: "127.0.0.1", port });
const options: ServerConfigOptions = {
  rtmp: address(1935),
  hls: { host: "", port: 8888 },
  api: address(9997),
  metrics: { host: "::1", port: 9998 },
  authUrl: "http://127.0.0.1:8080/internal/mediamtx/auth?secret=s",
  overridePublisher: false,
  recording: undefined,
  hookWords: 3,
};
const configOf = (changes: Partial<ServerConfigOptions>) =>
  JSON.parse(serverConfig({ ...options, ...changes })) as Record<string, unknown>;
const config = configOf({});

describe("the configuration of MediaMTX", () => {
  test("opens RTMP, HLS, API and metrics where it is told, and nothing else", () => {
    const listeners = Object.entries(config).filter(([key]) => key.endsWith("Address"));
    expect(Object.fromEntries(listeners)).toEqual({
      authHTTPAddress: "http://127.0.0.1:8080/internal/mediamtx/auth?secret=s",
      rtmpAddress: "127.0.0.1:1935",
      hlsAddress: ":8888",
      apiAddress: "127.0.0.1:9997",
      metricsAddress: "[::1]:9998",
    });
    for (const off of ["srt", "moq", "playback", "pprof", "webrtc", "rtsp"])
      expect(config[off]).toBe(false);
  });

  test("opens further ways in where they have an address: RTSP over TCP, WebRTC on one port", () => {
    const further = JSON.parse(
      serverConfig({
        rtmp: address(1935),
        hls: address(8888),
        rtsp: address(8554),
        srt: address(8890),
        webrtc: address(8889),
        api: address(9997),
        metrics: address(9998),
        authUrl: "http://127.0.0.1:8080/",
        overridePublisher: false,
        recording: undefined,
        hookWords: 1,
      }),
    ) as Record<string, unknown>;
    expect(further).toMatchObject({
      ...{ rtsp: true, rtspAddress: "127.0.0.1:8554", rtspTransports: ["tcp"] },
      ...{ srt: true, srtAddress: "127.0.0.1:8890" },
      ...{ webrtc: true, webrtcAddress: "127.0.0.1:8889", webrtcAllowOrigins: [] },
      webrtcLocalUDPAddress: "127.0.0.1:8889",
    });
  });

  test("asks us who may do what, calls of its own API among it", () => {
    expect(config["authMethod"]).toBe("http");
    expect(config["authHTTPExclude"]).toEqual([{ action: "metrics" }]);
  });

  test("lets no web page call its API or read its metrics", () => {
    expect(config["apiAllowOrigins"]).toEqual([]);
    expect(config["metricsAllowOrigins"]).toEqual([]);
  });

  test("knows only the paths of streams; hooks stand on inputs alone", () => {
    const paths = config["paths"] as Record<string, Record<string, string>>;
    const joint = "~^live/[A-Za-z0-9_-]{1,64}/(out_mul)$";
    const names = ["~^live/[A-Za-z0-9_-]{1,64}/in$", joint, outPathPattern];
    expect(Object.keys(paths)).toEqual(names);
    expect(joint < outPathPattern).toBe(true); // MediaMTX takes the first by name
    const [input, , output] = Object.values(paths);
    expect(input?.["runOnAvailable"]).toBe(
      "${LIVEDUB_HOOK_WORD_0} ${LIVEDUB_HOOK_WORD_1} ${LIVEDUB_HOOK_WORD_2} ready",
    );
    expect(input?.["runOnUnavailable"]).toEndWith(" not-ready");
    expect(output).toEqual({});
  });

  test("records outputs where it is told to and keeps them as long, never inputs, and nothing by default", () => {
    expect(config["pathDefaults"]).toMatchObject({ record: false });
    const recording = { folder: "/var/lib/livedub", keepMs: 7_200_000 };
    const { pathDefaults, paths } = configOf({ recording });
    expect(pathDefaults).toMatchObject({
      record: true,
      recordPath: "/var/lib/livedub/%path/%Y-%m-%d_%H-%M-%S-%f",
      recordDeleteAfter: "7200s",
    });
    const [input, joint] = Object.values(paths as Record<string, Record<string, unknown>>);
    expect([input?.["record"], joint?.["record"]]).toEqual([false, false]);
  });

  test("lets a second publisher take over where that is wanted: an input, never an output of ours", () => {
    for (const overridePublisher of [false, true]) {
      const { pathDefaults, paths } = configOf({ overridePublisher });
      const [input, output] = Object.values(paths as Record<string, Record<string, unknown>>);
      expect(input?.["overridePublisher"]).toBe(overridePublisher);
      expect({ ...(pathDefaults as object), ...output }).toMatchObject({
        overridePublisher: false,
      });
    }
  });

  test("takes the words of the hook's command from the environment, blanks and all", () => {
    expect(hookEnvironment(["/a b/$x", "hook"])).toEqual({
      LIVEDUB_HOOK_WORD_0: "/a b/$x",
      LIVEDUB_HOOK_WORD_1: "hook",
    });
  });
});

describe("stream paths", () => {
  test("are taken apart, whole or not at all", () => {
    expect(parseStreamPath("live/a-B_9/in")).toEqual({ streamId: "a-B_9", direction: "in" });
    expect(parseStreamPath("live/x/out")).toEqual({ streamId: "x", direction: "out" });
    expect(parseStreamPath(outputPath("x", "pt-BR"))).toEqual({
      streamId: "x",
      direction: "out",
      language: "pt-br",
    });
    expect(parseStreamPath(inputPath("x"))?.direction).toBe("in");
    const wrong = ["", "live/x", "/live/x/in", "live/x/in/", "live/x/in_pt", "live/a.b/in"];
    for (const path of [...wrong, `live/${"x".repeat(65)}/in`, "live/x/in\n", "live/x/out_"])
      expect(parseStreamPath(path)).toBeUndefined();
  });
});

describe("MediaMTX's log", () => {
  test("keeps its levels and loses the values of queries", () => {
    const line = JSON.stringify({
      timestamp: "2026-01-02T03:04:05Z",
      level: "WAR",
      message: "publish to 'live/x/in?key=secret&lang=es' failed",
    });
    expect(readLogLine(line)).toEqual({
      level: "warn",
      message: "publish to 'live/x/in?key=***&lang=***' failed",
    });
    expect(readLogLine("panic: something")).toEqual({ level: "info", message: "panic: something" });
  });
});
