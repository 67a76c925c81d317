import { z } from "zod";

const pathItem = z.object({
  name: z.string(),
  available: z.boolean().optional(),
  online: z.boolean().optional(),
  ready: z.boolean().optional(),
  source: z.object({ type: z.string(), id: z.string() }).nullish(),
  tracks: z.array(z.string()).nullish(),
  readers: z.array(z.unknown()).nullish(),
  inboundBytes: z.number().optional(),
  bytesReceived: z.number().optional(),
});

const pathPage = z.object({ pageCount: z.number().default(1), items: z.array(z.unknown()) });

/** One path of the media server, as its control API tells. */
export interface PathInfo {
  readonly name: string;
  /** It can be read: a publisher is on it and its tracks are known, or it plays its filler. */
  readonly available: boolean;
  /** A publisher is on it. */
  readonly online: boolean;
  readonly source: { readonly type: string; readonly id: string } | undefined;
  /** Codecs, for example `H264`, `MPEG-4 Audio`. */
  readonly tracks: readonly string[];
  readonly readers: number;
  readonly inboundBytes: number;
}

/** The media server does not answer, or not as its version should. */
class ControlApiError extends Error {
  override readonly name = "ControlApiError";
}

const itemsPerPage = 1000;
/** 20,000 paths: far beyond what one appliance carries; a bound on what one poll may cost. */
const mostPages = 20;
/** The calls that end a connection, by the type of its source. */
const kickable: Record<string, string> = {
  rtmpConn: "rtmpconns",
  rtmpsConn: "rtmpconns",
  rtspSession: "rtspsessions",
  rtspsSession: "rtspsessions",
  webRTCSession: "webrtcsessions",
  srtConn: "srtconns",
};

export interface ControlApiOptions {
  readonly timeoutMs?: number;
  /** Shown as bearer token; an external media server may ask for none. */
  readonly secret?: string;
}

const defaultTimeoutMs = 2000;

/** MediaMTX's control API (v3, version 1.20). */
export class ControlApi {
  constructor(
    readonly baseUrl: string,
    private readonly options: ControlApiOptions = {},
  ) {}

  /**
   * Every path of the server, with its publisher.
   * @throws {ControlApiError}
   */
  async listPaths(): Promise<PathInfo[]> {
    const paths: PathInfo[] = [];
    for (let page = 0; page < mostPages; page++) {
      const answer = pathPage.safeParse(
        await this.#get(`/v3/paths/list?itemsPerPage=${itemsPerPage}&page=${page}`),
      );
      if (!answer.success)
        throw new ControlApiError(`MediaMTX listed its paths in an unknown form`);
      for (const item of answer.data.items) {
        const parsed = pathItem.safeParse(item);
        if (parsed.success) paths.push(asPathInfo(parsed.data));
      }
      if (page + 1 >= answer.data.pageCount) break;
    }
    return paths;
  }

  /**
   * Ends a publisher's or reader's connection; nothing happens when it has gone already.
   * @throws {ControlApiError}
   */
  async kick(source: { type: string; id: string }): Promise<void> {
    const kind = kickable[source.type];
    if (kind === undefined) return;
    const response = await this.#fetch(`/v3/${kind}/kick/${encodeURIComponent(source.id)}`, "POST");
    if (!response.ok && response.status !== 404)
      throw new ControlApiError(`MediaMTX refused to end a connection (${response.status})`);
  }

  /**
   * Makes a path that can be read from now on until it is deleted: while nobody publishes to it, it plays
   * the file. Nothing happens when the path is there already.
   *
   * @param file absolute path of an MP4; MediaMTX panics when it is missing while the path exists
   * @throws {ControlApiError}
   */
  async addAlwaysAvailable(path: string, file: string): Promise<void> {
    const body = { alwaysAvailable: true, alwaysAvailableFile: file };
    const response = await this.#fetch(`/v3/config/paths/add/${path}`, "POST", body);
    if (response.ok) return;
    const said = (await response.text()).slice(0, 300);
    if (response.status === 400 && said.includes("already exists")) return;
    throw new ControlApiError(`MediaMTX did not add ${path} (${response.status}): ${said}`);
  }

  /**
   * Takes back {@link addAlwaysAvailable}: everybody on the path is disconnected. Nothing happens when
   * there is no such path.
   * @throws {ControlApiError}
   */
  async deletePath(path: string): Promise<void> {
    const response = await this.#fetch(`/v3/config/paths/delete/${path}`, "DELETE");
    if (!response.ok && response.status !== 404)
      throw new ControlApiError(`MediaMTX did not delete ${path} (${response.status})`);
  }

  async #get(path: string): Promise<unknown> {
    const response = await this.#fetch(path, "GET");
    if (!response.ok) throw new ControlApiError(`MediaMTX answered ${response.status} to ${path}`);
    try {
      return await response.json();
    } catch {
      throw new ControlApiError(`MediaMTX answered ${path} with something that is not JSON`);
    }
  }

  async #fetch(path: string, method: "GET" | "POST" | "DELETE", body?: object): Promise<Response> {
    const { timeoutMs = defaultTimeoutMs, secret } = this.options;
    try {
      return await fetch(`${this.baseUrl}${path}`, {
        method,
        headers: {
          ...(secret === undefined ? {} : { Authorization: `Bearer ${secret}` }),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (error) {
      throw new ControlApiError(
        `MediaMTX's control API does not answer: ${(error as Error).message}`,
      );
    }
  }
}

function asPathInfo(item: z.infer<typeof pathItem>): PathInfo {
  return {
    name: item.name,
    available: item.available ?? item.ready ?? false,
    online: item.online ?? item.available ?? item.ready ?? false,
    source: item.source ?? undefined,
    tracks: item.tracks ?? [],
    readers: item.readers?.length ?? 0,
    inboundBytes: item.inboundBytes ?? item.bytesReceived ?? 0,
  };
}
