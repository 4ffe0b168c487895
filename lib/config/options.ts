import { LOG_LEVELS } from "../log.ts";
import type { Option, OptionName } from "./option_types.ts";
import { CIPHERS, COMPRESSIONS, LOG_FORMATS, MODES, TLS_VERSIONS } from "./section.ts";

type Unavailable = { readonly except: readonly string[]; readonly why: string };

/** The one place that says what is not built yet: an entry goes when its feature comes. */
const UNAVAILABLE: Readonly<Partial<Record<OptionName, Unavailable>>> = {
  "encryption": {
    except: ["off", "fernet", "blowfish", "blowfish.cryptography", "native"],
    why: 'only "fernet", "blowfish", "native" and "off" can be used in this version',
  },
  "min split size": { except: [], why: "files are not split" },
};

const ANY_COUNT = 1_000_000;
const DAY_S = 86_400;
/** The longest wait that a timer of the runtime can do. */
const MAX_WAIT_S = 2_147_483;

type Definition = Omit<Option, "names" | "scope" | "availability"> & {
  readonly names?: readonly string[];
  readonly scope?: "global";
};

const DEFINITIONS: readonly Definition[] = [
  {
    name: "local path",
    names: ["local path", "path"],
    type: { kind: "path" },
    help: "the local folder to synchronise",
  },
  {
    name: "protocol",
    type: {
      kind: "choice",
      values: [
        ...["file", "ftp", "ftps", "webdav", "http", "https", "googledrive", "rclone", "sftp"],
        ...["s3", "dropbox", "googlecloud", "amazoncloud", "onedrive", "b2", "hubic", "swift"],
        "yandex",
      ],
      synonyms: { google: "googledrive" },
      refused: { ssh: 'there is no such protocol: should be "sftp"' },
    },
    help: "how the relay is reached",
  },
  {
    name: "host address",
    names: ["host address", "relay address", "remote address", "address"],
    type: { kind: "address" },
    help: "the relay's host, folder or protocol://host:port/folder",
  },
  {
    name: "host directory",
    names: [
      ...["host directory", "relay directory", "remote directory", "directory"],
      ...["relay dir", "remote dir", "host dir", "dir", "host path", "relay path", "remote path"],
    ],
    type: { kind: "text" },
    help: "the repository's folder on the relay",
  },
  {
    name: "port",
    names: ["port", "host port", "relay port", "remote port"],
    type: { kind: "integer", min: 1, max: 65_535 },
    help: "the relay's port, if it is not the protocol's own",
  },
  {
    name: "username",
    names: ["user", "auth user", "host user", "relay user", "remote user", "username"],
    type: { kind: "text" },
    help: "the user's name on the relay",
  },
  {
    name: "password",
    names: ["password", "secret", "secret file", "credential"],
    type: { kind: "secret" },
    help: 'the password, or a file that holds it or "username:password" in one line',
  },
  {
    name: "client name",
    names: ["client name", "client"],
    type: { kind: "client name" },
    help: "this client's name, unlike any other's on the relay; else the host's name",
  },
  {
    name: "mode",
    names: ["mode", "synchronization mode"],
    type: {
      kind: "choice",
      values: MODES,
      synonyms: { share: "shared", preservative: "conservative", protective: "conservative" },
    },
    help: "what is exchanged: all, own files only, others' files only, or all but local edits kept",
  },
  {
    name: "push only",
    names: ["push only", "read only"],
    type: { kind: "boolean" },
    help: "the same as mode = upload",
  },
  {
    name: "pull only",
    names: ["pull only", "write only"],
    type: { kind: "boolean" },
    help: "the same as mode = download",
  },
  {
    name: "refresh",
    type: { kind: "seconds", min: 0.01, max: MAX_WAIT_S, whenYes: 30, takesNo: true },
    default: "yes",
    help: "the longest wait between two rounds; no for a single round",
  },
  {
    name: "modification time",
    names: ["modification time", "timestamp", "mtime"],
    type: { kind: "time format" },
    default: "yes",
    help: "whether modification times travel; a format reads the placeholders of old clients",
  },
  {
    name: "encryption",
    type: {
      kind: "choice",
      values: CIPHERS,
      synonyms: { yes: "fernet", no: "off", plain: "off" },
    },
    default: "off",
    help: "the cipher of what stands on the relay",
  },
  {
    name: "passphrase",
    names: ["passphrase", "key"],
    type: { kind: "secret" },
    help: "the cipher's key, or a file that holds it, its final newline included",
  },
  {
    name: "legacy peers",
    type: { kind: "boolean" },
    default: "yes",
    help: "whether clients of Escale 0.7 share the relay; no chooses safer and smaller forms",
  },
  {
    name: "checksum",
    names: ["checksum", "hash algorithm"],
    type: { kind: "hash" },
    default: "yes",
    help: "the checksum of contents; yes is sha512, or sha256 with legacy peers = no",
  },
  {
    name: "checksum cache",
    type: { kind: "path or boolean" },
    default: "yes",
    help: "without effect: checksums are always kept in the client's state",
  },
  {
    name: "index",
    names: ["index", "compact"],
    type: { kind: "index" },
    default: "no",
    help: "whether the relay keeps one index, or one a folder with topdir:DEPTH",
  },
  {
    name: "maxpagesize",
    names: ["maxpagesize", "maxarchivesize"],
    type: { kind: "size" },
    default: "1 GB",
    help: "with an index, how much is sent in one archive",
  },
  {
    name: "compression",
    type: { kind: "choice", values: COMPRESSIONS },
    help: "with an index, how archives are compressed: bz2, or zstd with legacy peers = no",
  },
  {
    name: "allow page deletion",
    names: ["allow page deletion", "page deletion"],
    type: { kind: "boolean" },
    default: "no",
    help: "with an index, in download mode, request again even if all files of a page are gone",
  },
  {
    name: "priority",
    type: { kind: "choice", values: ["upload"] },
    help: "with an index, upload what is pending before anything is downloaded",
  },
  {
    name: "file extension",
    names: ["file extension", "file type"],
    type: { kind: "list", of: "file types" },
    default: "",
    help: "the file types to synchronise, as txt or .txt",
  },
  {
    name: "include",
    names: ["include", "include files", "pattern", "filter"],
    type: { kind: "list", of: "patterns" },
    default: "",
    help: "patterns of the file names to synchronise",
  },
  {
    name: "exclude",
    names: ["exclude", "exclude files"],
    type: { kind: "list", of: "patterns" },
    default: "",
    help: "patterns of the file names to leave out",
  },
  {
    name: "include directory",
    names: ["include directory", "include directories"],
    type: { kind: "list", of: "patterns" },
    default: "",
    help: "patterns of the folders to synchronise, by path",
  },
  {
    name: "exclude directory",
    names: ["exclude directory", "exclude directories"],
    type: { kind: "list", of: "patterns" },
    default: "",
    help: "patterns of the folders to leave out, by path",
  },
  {
    name: "disk quota",
    names: ["disk quota", "quota"],
    type: { kind: "size" },
    help: "the most space to use on the relay",
  },
  {
    name: "max pending transfers",
    type: { kind: "integer", min: 1, max: ANY_COUNT },
    help: "no new upload while that many files wait on the relay",
  },
  {
    name: "max parallel transfers",
    type: { kind: "integer", min: 1, max: 64 },
    default: "4",
    help: "the most transfers at a time",
  },
  {
    name: "puller count",
    names: ["puller count", "pullers"],
    type: { kind: "integer", min: 1, max: ANY_COUNT },
    default: "1",
    help: "how many other clients must have a file before it leaves the relay",
  },
  {
    name: "lock timeout",
    type: {
      kind: "seconds",
      min: 1,
      max: 3650 * DAY_S,
      whenYes: 3 * DAY_S,
      takesNo: false,
    },
    default: "yes",
    help: "how old a lock of Escale 0.7 must be to be taken over",
  },
  {
    name: "min split size",
    names: ["min split size", "split size", "split"],
    type: { kind: "integer", min: 0, max: Number.MAX_SAFE_INTEGER },
    help: "how large a file must be to be split",
  },
  {
    name: "pull overwrite",
    type: { kind: "boolean" },
    default: "no",
    help: "pull without comparing contents first; conflict copies are kept all the same",
  },
  {
    name: "retry on error",
    names: ["retryonerror", "retry on error"],
    type: { kind: "list", of: "texts" },
    help: "without effect: what may succeed later is tried again anyway",
  },
  {
    name: "verify ssl",
    type: { kind: "boolean" },
    default: "yes",
    help: "whether the relay's certificate is checked",
  },
  {
    name: "ssl version",
    type: {
      kind: "choice",
      values: TLS_VERSIONS,
      synonyms: { sslv23: "TLS" },
      refused: Object.fromEntries(
        ["sslv2", "sslv3", "tlsv1", "tlsv1.1"].map((version) => [
          version,
          'this runtime cannot speak it: should be "TLS", "TLSv1.2" or "TLSv1.3"',
        ]),
      ),
    },
    default: "TLS",
    help: "the TLS version to speak; TLS is the best that both sides know",
  },
  {
    name: "certfile",
    names: ["certfile", "cert file", "certificate"],
    type: { kind: "path" },
    help: "the client's certificate",
  },
  {
    name: "keyfile",
    names: ["keyfile", "key file", "private key"],
    type: { kind: "path" },
    help: "the private key of the client's certificate",
  },
  {
    name: "encoding",
    type: { kind: "encoding" },
    help: "the encoding of names on the relay, if it is not UTF-8",
  },
  {
    name: "rclone binary",
    type: { kind: "path" },
    help: "the rclone program, if it is not in the search path",
  },
  {
    name: "rclone config",
    type: { kind: "path" },
    help: "the file with rclone's remotes, if it is not rclone's own",
  },
  {
    name: "drive binary",
    type: { kind: "path" },
    help: "the drive program, if it is not in the search path",
  },
  {
    name: "maintainer",
    names: ["maintainer", "email"],
    type: { kind: "text" },
    help: "the mail address that is told when a client stops",
  },
  {
    name: "verbosity",
    names: ["verbosity", "verbosity level"],
    type: { kind: "integer", min: 0, max: 2 },
    default: "1",
    help: "what is reported: 0 errors, 1 changes too, 2 details",
  },
  {
    name: "log file",
    type: { kind: "path" },
    scope: "global",
    help: "the file to log to",
  },
  {
    name: "log rotate",
    type: { kind: "integer", min: 0, max: 1000 },
    scope: "global",
    default: "3",
    help: "how many former log files are kept",
  },
  {
    name: "log level",
    type: { kind: "choice", values: LOG_LEVELS },
    scope: "global",
    help: "the least important events to log; else as verbosity says",
  },
  {
    name: "log format",
    type: { kind: "choice", values: LOG_FORMATS },
    scope: "global",
    default: "text",
    help: "how the log file is written: lines to read, or one JSON object a line",
  },
  {
    name: "keep alive",
    type: { kind: "seconds", min: 1, max: MAX_WAIT_S, whenYes: 60, takesNo: true },
    scope: "global",
    default: "no",
    help: "how long to wait before a failed client is started again; no: it is not",
  },
];

/** Every option, in the order in which documents list them. */
export const OPTIONS: readonly Option[] = DEFINITIONS.map((definition) => {
  const unavailable = UNAVAILABLE[definition.name];
  return {
    names: [definition.name],
    scope: "any",
    availability: unavailable === undefined
      ? { kind: "available" }
      : { kind: "unavailable", ...unavailable },
    ...definition,
  };
});
