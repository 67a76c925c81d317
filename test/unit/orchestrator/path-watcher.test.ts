import { expect, test } from "bun:test";
import type { PathInfo } from "../../../src/mediamtx/control-api.ts";
import { PathWatcher } from "../../../src/orchestrator/path-watcher.ts";

/** A media server whose answers are given by hand. */
class Server {
  asked: PromiseWithResolvers<PathInfo[]>[] = [];
  listPaths(): Promise<PathInfo[]> {
    const answer = Promise.withResolvers<PathInfo[]>();
    this.asked.push(answer);
    return answer.promise;
  }
}

function watch(server: Server) {
  const seen: (number | string)[] = [];
  const watcher = new PathWatcher({
    api: server,
    onPaths: (paths) => seen.push(paths.length),
    onBlind: (problem) => seen.push(problem),
  });
  return { watcher, seen };
}

test("hints during a look cause one more look after it, however many they are", async () => {
  const server = new Server();
  const { watcher, seen } = watch(server);
  const looks = Promise.all([watcher.look(), watcher.look(), watcher.look()]);
  expect(server.asked).toHaveLength(1);
  server.asked[0]?.resolve([]);
  await Bun.sleep(0);
  expect(server.asked).toHaveLength(2);
  server.asked[1]?.resolve([]);
  await looks;
  expect(seen).toEqual([0, 0]);
  watcher.close();
});

test("a server that does not answer says nothing about its paths", async () => {
  const server = new Server();
  const { watcher, seen } = watch(server);
  const look = watcher.look();
  server.asked[0]?.reject(new Error("no answer"));
  await look;
  expect(seen).toEqual(["no answer"]);
  watcher.close();
});

test("while news is expected it looks more often, without any hint", async () => {
  const { watcher, seen } = watch(
    Object.assign(new Server(), { listPaths: () => Promise.resolve([]) }),
  );
  watcher.expectNews();
  await Bun.sleep(1000);
  expect(seen.length).toBeGreaterThan(3);
  watcher.close();
  const before = seen.length;
  await Bun.sleep(250);
  expect(seen.length).toBe(before);
});
