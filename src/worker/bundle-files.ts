import { randomBytes } from "node:crypto";
import { appendFile, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";

/** The calls on the disk that make a write whole; tests stand in for them to break off half way. */
export interface DiskCalls {
  open: typeof open;
  rename: typeof rename;
}

const disk: DiskCalls = { open, rename };

/** The files of one run's bundle (contract 8.3): each write is whole or not there at all. */
export class BundleFiles {
  constructor(
    readonly root: string,
    private readonly calls: DiskCalls = disk,
  ) {}

  /** Makes the bundle's folders and removes what a write that was broken off has left. */
  async prepare(): Promise<void> {
    await mkdir(this.#temporary, { recursive: true, mode: 0o700 });
    await emptyFolder(this.#temporary);
  }

  /**
   * Writes a file by way of `tmp/`: flushed to the disk before it gets its name.
   *
   * @param path relative to the bundle, made of our own names only
   * @throws what the disk says; nothing of the file is left then
   */
  async write(path: string, content: Uint8Array): Promise<void> {
    const target = this.pathOf(path);
    const temporary = join(
      this.#temporary,
      `.tmp.${randomBytes(4).toString("hex")}.${basename(target)}`,
    );
    try {
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      const file = await this.calls.open(temporary, "wx", 0o600);
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.calls.rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /** Appends to a file, up to a size; what goes beyond it is left out. */
  async append(path: string, text: string, mostBytes: number): Promise<void> {
    const target = this.pathOf(path);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const size = await stat(target).then(
      (there) => there.size,
      () => 0,
    );
    if (size + Buffer.byteLength(text) <= mostBytes)
      await appendFile(target, text, { mode: 0o600 });
  }

  /** @throws {RangeError} when a path leads out of the bundle */
  pathOf(path: string): string {
    const target = join(this.root, path);
    if (relative(this.root, target).startsWith(".."))
      throw new RangeError(`${path} leads out of the run bundle`);
    return target;
  }

  get #temporary(): string {
    return join(this.root, "tmp");
  }
}

/** Removes what stands in a folder; one that is not there is empty already. */
export async function emptyFolder(path: string): Promise<void> {
  const names = await readdir(path).catch(() => []);
  for (const name of names) await rm(join(path, name), { recursive: true, force: true });
}
