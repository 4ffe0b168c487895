/** When everything on a fake server was written, as FTP tells times. */
export const FAKE_TIME = "20200102030405";

/** How `LIST` shows files; `foreign` is a way that nobody understands. */
export type ListingStyle = "unix" | "dos" | "iis" | "foreign";

/** What `MLSD` and `MLST` show before a name; without a size it is a folder's. */
export function factsOf(size: number | undefined): string {
  const sizeFact = size === undefined ? "" : `Size=${size};`;
  return `Type=${size === undefined ? "dir" : "file"};${sizeFact}Modify=${FAKE_TIME}; `;
}

/** What `LIST` shows before a name; without a size it is a folder's. */
export function columnsOf(size: number | undefined, style: ListingStyle = "unix"): string {
  switch (style) {
    case "unix": {
      const mode = size === undefined ? "drwxr-xr-x" : "-rw-r--r--";
      return `${mode}   1 some owner  ${size ?? 4096} Jan  2 03:04 `;
    }
    case "dos":
      return `01-02-20  03:04AM       ${size ?? "<DIR>         "} `;
    case "iis":
      return `01-02-2020  03:04       ${size ?? "<DIR>         "} `;
    case "foreign":
      return `+i8388621.29609,m824255902,${size === undefined ? "/" : "r"},\t`;
  }
}

/** The folder that holds what stands at a path. */
export function above(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

/** The last part of a path. */
export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
