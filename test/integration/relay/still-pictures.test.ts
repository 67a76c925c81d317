import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeVideoTag } from "../../../src/media/flv-video.ts";
import { flvHeader, FlvParser, flvTagBytes, flvTagType } from "../../../src/media/flv.ts";
import { isLostBehindKeyframe, StillPictures } from "../../../src/media/still-pictures.ts";
import { runFfmpeg } from "../../media/tools.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "still-pictures-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Video tags' data of a clip: its decoder configuration, and its pictures in decode order. */
async function clipOf(codec: string, parameters: string) {
  const path = join(folder, `${Bun.hash(codec + parameters)}.flv`);
  await runFfmpeg([
    ...["-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=s=320x192:r=25:d=3"],
    ...["-pix_fmt", "yuv420p", "-c:v", codec, `-${codec.slice(3)}-params`, parameters, path],
  ]);
  const tags = new FlvParser().push(await Bun.file(path).bytes());
  const video = tags.filter(({ type }) => type === flvTagType.video).map(({ data }) => data);
  const kindOf = (data: Uint8Array) => describeVideoTag(data).kind;
  return {
    header: video.find((data) => kindOf(data) === "sequence-header")!,
    pictures: video.filter((data) => kindOf(data) === "picture"),
  };
}

/** What a decoder shows of pictures that come one after another: a hash of each. */
async function shown(header: Uint8Array, pictures: readonly Uint8Array[]): Promise<string[]> {
  const path = join(folder, "shown.flv");
  const tags = [header, ...pictures].map((data, n) =>
    flvTagBytes(flvTagType.video, Math.max(0, n - 1) * 40, data),
  );
  await Bun.write(path, Buffer.concat([flvHeader({ video: true, audio: false }), ...tags]));
  const { stdout } = await runFfmpeg([
    ...["-loglevel", "fatal", "-i", path, "-fps_mode", "passthrough", "-f", "framemd5", "-"],
  ]);
  const lines = new TextDecoder().decode(stdout).split("\n");
  return lines.flatMap((line) => (line === "" || line.startsWith("#") ? [] : line.split(",")[5]!));
}

const isKeyframe = (data: Uint8Array) => describeVideoTag(data).isKeyframe;

describe.each([
  ["H.265 with open groups of pictures", "libx265", "keyint=25:log-level=none"],
  ["in several slices", "libx265", "keyint=25:slices=3:log-level=none"],
  ["with closed ones", "libx265", "keyint=25:open-gop=0:log-level=none"],
  ["H.264", "libx264", "keyint=25:scenecut=0"],
])("the second keyframe of %s", (_name, codec, parameters) => {
  test("is the same picture as often as it is shown, after all that followed it", async () => {
    const { header, pictures } = await clipOf(codec, parameters);
    const at = pictures.findIndex((data, n) => n > 0 && isKeyframe(data));
    const group = pictures.slice(0, at + 20);
    const still = new StillPictures(pictures[at]!, header, 20 + 16);
    const stills = Array.from({ length: 30 }, () => still.next());
    const live = await shown(header, group);
    const all = await shown(header, [...group, ...stills]);
    expect(all.slice(0, live.length)).toEqual(live);
    expect(all.length).toBe(group.length + stills.length);
    expect(new Set(all.slice(-stills.length)).size).toBe(1);
    expect(live).toContain(all.at(-1)!);
  });

  test("may come before the stream's own pictures", async () => {
    const { header, pictures } = await clipOf(codec, parameters);
    const at = pictures.findIndex((data, n) => n > 0 && isKeyframe(data));
    const own = pictures.slice(at).filter((data) => !isLostBehindKeyframe(data, header));
    const still = new StillPictures(pictures[at]!, header, -20);
    const stills = Array.from({ length: 20 }, () => still.next());
    const all = await shown(header, [...stills, ...own]);
    expect(all.slice(-own.length)).toEqual(await shown(header, own));
    expect(all.length).toBe(stills.length + own.length);
  });
});

test("a CRA picture that is repeated as it is stands once alone", async () => {
  const { header, pictures } = await clipOf("libx265", "keyint=25:log-level=none");
  const cra = pictures.findLast(isKeyframe)!;
  expect((await shown(header, [cra, cra, cra])).length).toBe(1);
});

test("only what refers back across its keyframe is lost", async () => {
  const open = await clipOf("libx265", "keyint=25:log-level=none");
  const lost = open.pictures.map((data) => isLostBehindKeyframe(data, open.header));
  const at = open.pictures.findIndex((data, n) => n > 0 && isKeyframe(data));
  expect(lost.slice(0, at + 1)).not.toContain(true);
  expect(lost[at + 1]).toBe(true);
  expect(lost.filter(Boolean).length).toBeLessThan(12);
  const closed = await clipOf("libx265", "keyint=25:open-gop=0:log-level=none");
  expect(closed.pictures.some((data) => isLostBehindKeyframe(data, closed.header))).toBe(false);
});

test("what is no H.265 by its configuration stays as it is", async () => {
  const { header, pictures } = await clipOf("libx265", "keyint=25:log-level=none");
  const cut = header.subarray(0, 40);
  const cra = pictures.findLast(isKeyframe)!;
  expect(isLostBehindKeyframe(cra, cut)).toBe(false);
  expect([...new StillPictures(cra, cut, 1).next()].slice(8)).toEqual([...cra].slice(8));
  const torn = cra.subarray(0, 60);
  expect([...new StillPictures(torn, header, 1).next()].slice(8)).toEqual([...torn].slice(8));
});
