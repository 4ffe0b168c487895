/**
 * The time of a simulated world, for whole seconds or years in no time at all: what `Date.now()` tells, and when files
 * were changed last, which no program can set. One at a time; the real time comes back when it is disposed of.
 */
export class VirtualTime implements Disposable {
  #nowMs: number;
  /** When files were changed last, by inode and what the system tells of them. */
  readonly #changes = new Map<number, { readonly sign: string; readonly timeMs: number }>();
  readonly #realNow = Date.now;
  readonly #real = {
    lstatSync: Deno.lstatSync,
    statSync: Deno.statSync,
    linkSync: Deno.linkSync,
    renameSync: Deno.renameSync,
  };
  readonly #realHandleStat = Deno.FsFile.prototype.statSync;

  constructor(startMs: number) {
    this.#nowMs = startMs;
    const real = this.#real;
    const realHandleStat = this.#realHandleStat;
    const dated = this.#dated.bind(this);
    Date.now = () => this.#nowMs;
    Object.assign(Deno, {
      lstatSync: (path: string) => dated(real.lstatSync(path)),
      statSync: (path: string) => dated(real.statSync(path)),
      linkSync: (from: string, to: string) => {
        real.linkSync(from, to);
        this.touched(to);
      },
      renameSync: (from: string, to: string) => {
        real.renameSync(from, to);
        this.touched(to);
      },
    });
    Object.assign(Deno.FsFile.prototype, {
      statSync(this: Deno.FsFile) {
        return dated(realHandleStat.call(this));
      },
    });
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }

  /** To be called after a file was written in place: that its stamp may not show. */
  touched(path: string): void {
    const info = this.#real.lstatSync(path);
    if (info.ino !== null) this.#changes.delete(info.ino);
    this.#dated(info);
  }

  [Symbol.dispose](): void {
    Date.now = this.#realNow;
    Object.assign(Deno, this.#real);
    Object.assign(Deno.FsFile.prototype, { statSync: this.#realHandleStat });
  }

  /** What shows a change was changed at the first look that shows it: never earlier than it was. */
  #dated(info: Deno.FileInfo): Deno.FileInfo {
    const { ino, size, mtime, ctime } = info;
    if (!info.isFile || ino === null) return info;
    const sign = `${size} ${mtime?.getTime()} ${ctime?.getTime()}`;
    let change = this.#changes.get(ino);
    if (change?.sign !== sign) {
      // The runtime tells whole seconds.
      change = { sign, timeMs: Math.floor(this.#nowMs / 1000) * 1000 };
      this.#changes.set(ino, change);
    }
    return { ...info, ctime: new Date(change.timeMs) };
  }
}
