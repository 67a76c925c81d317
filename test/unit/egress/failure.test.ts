import { expect, test } from "bun:test";
import fc from "fast-check";
import { destinationLabel } from "../../../src/egress/destination-label.ts";
import { classifyFailure, scrub, type ForwardEvidence } from "../../../src/egress/failure.ts";

const evidence = (change: Partial<ForwardEvidence>): ForwardEvidence => ({
  stage: "opening-output",
  lines: [],
  exitCode: 251,
  inputUrl: "rtmp://127.0.0.1:1935/live/match/out",
  destinationUrl: "rtmp://a.example/live2/the-stream-key",
  ...change,
});

// Lines as FFmpeg 9.0.2 printed them against MediaMTX and closed ports.
const refused = "[rtmp @ 0x5578cc20ce40] [error] Server error: authentication failed";
const opening =
  "[out#0/flv @ 0x5578cc21f500] [fatal] Error opening output rtmp://a.example/live2/the-stream-key: Operation not permitted";
const unreachable = [
  "[tcp @ 0x559a33310700] [error] Connection to tcp://127.0.0.1:9?tcp_nodelay=0 failed: Connection refused",
  "[rtmp @ 0x559a33310600] [error] Cannot open connection tcp://127.0.0.1:9?tcp_nodelay=0",
];
const brokenPipe = "[out#0/flv @ 0x56282e2cb640] [error] Error muxing a packet";

test("whose failure it was is read from stage and words", () => {
  const sideOf = (change: Partial<ForwardEvidence>) => {
    const { side, kind } = classifyFailure(evidence(change));
    return [side, kind];
  };
  expect(sideOf({ lines: [refused, opening] })).toEqual([
    "destination-refuses",
    "rtmp_publish_denied",
  ]);
  expect(sideOf({ lines: [opening] })).toEqual(["destination-refuses", "rtmp_publish_denied"]);
  expect(sideOf({ lines: [...unreachable, opening] })).toEqual(["destination-io", "rtmp_connect"]);
  expect(sideOf({ stage: "opening-input", lines: unreachable })).toEqual(["input", "rtmp_connect"]);
  expect(sideOf({ stage: "forwarding", lines: [brokenPipe] })).toEqual([
    "destination-io",
    "io_broken",
  ]);
  expect(sideOf({ stage: "forwarding", exitCode: 0 })).toEqual(["input", "input_ended"]);
  expect(sideOf({ stage: "forwarding", exitCode: 1, lines: ["[error] odd"] })).toEqual([
    "internal",
    "ffmpeg_exit",
  ]);
  const srt = { destinationUrl: "srt://h:1?streamid=publish:x" };
  const reject = "12:00/SRT:RcvQ:w1!W:SRT.cn: REJECT reported from HS processing: Peer rejected";
  const failed = "[out#0/mpegts @ 0x1] [fatal] Error opening output srt://h:1: Input/output error";
  expect(sideOf({ ...srt, lines: [reject, failed] })).toEqual([
    "destination-refuses",
    "srt_rejected",
  ]);
  expect(sideOf({ ...srt, lines: [failed] })).toEqual(["destination-io", "srt_connect"]);
});

test("a refusal whose connection is reset at once is a refusal still", () => {
  const reset = "[rtmp @ 0x5578cc20ce40] [error] Connection reset by peer";
  const sideOf = (lines: string[]) => classifyFailure(evidence({ lines })).side;
  expect(sideOf([reset, opening])).toBe("destination-refuses");
  expect(sideOf([reset, refused, opening])).toBe("destination-refuses");
});

test("no message shows the stream key, wherever FFmpeg repeats it", () => {
  const shown = classifyFailure(evidence({ stage: "opening-input", lines: [opening] })).message;
  expect(shown).toBe("Error opening output rtmp://a.example/***: Operation not permitted");
  const { message } = classifyFailure(evidence({ lines: [refused, opening] }));
  expect(message).toBe("Server error: authentication failed");
  const key = fc.stringMatching(/^[A-Za-z0-9_-]{8,24}$/);
  fc.assert(
    fc.property(key, fc.constantFrom("path", "query", "user", "srt"), (secret, where) => {
      const url = {
        path: `rtmps://h.example/app/${secret}`,
        query: `rtmp://h.example/app/feed?user=me&pass=${secret}`,
        user: `rtmp://me:${secret}@h.example/app/feed`,
        srt: `srt://h.example:9000?streamid=${secret}&latency=120`,
      }[where];
      const lines = [
        `[fatal] Error opening output ${url}: refused`,
        `[rtmp @ 0x5578cc20ce40] stream "${secret}" is unknown`,
        `${url}${url}`,
      ];
      for (const line of lines) expect(scrub(line, url, true)).not.toContain(secret);
    }),
  );
});

test("a key that is no valid percent-encoding is hidden as well", () => {
  const line = "[error] rtmp://h/app/100%zz failed (100%zz)";
  expect(scrub(line, "rtmp://h/app/100%zz", true)).not.toContain("100%zz");
});

test("a destination is shown by host and application only", () => {
  expect(destinationLabel("rtmp://a.example:1936/live2/key")).toEqual({
    destHost: "a.example:1936",
    destApp: "live2",
  });
  expect(destinationLabel("rtmps://a.example/app/instance/key?x=y")).toEqual({
    destHost: "a.example",
    destApp: "app/instance",
  });
  expect(destinationLabel("rtmp://a.example/key")).toEqual({ destHost: "a.example", destApp: "" });
  expect(destinationLabel("srt://a.example:9000?streamid=publish:key")).toEqual({
    destHost: "a.example:9000",
    destApp: "",
  });
});
