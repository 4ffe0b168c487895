import type { LogLevel } from "../log.ts";

/** A configuration file, checked. Plain data, so that it can be sent to a worker. */
export interface Configuration {
  /** The file, absolute. */
  readonly file: string;
  readonly logFile?: string;
  /** How many former log files are kept. */
  readonly logRotate: number;
  /** The least important events to log; absent: as each section's verbosity says. */
  readonly logLevel?: LogLevel;
  readonly logFormat: LogFormat;
  /** How long to wait before a failed client is started again, seconds; absent if it is not. */
  readonly keepAliveS?: number;
  /** The clients, in the order of the file; at least one. */
  readonly sections: readonly Section[];
  /** What the user should look at, each with file and line. */
  readonly warnings: readonly string[];
}

/** How a log file is written: lines to read, or one JSON object a line. */
export type LogFormat = "text" | "json";

/** Every {@linkcode LogFormat}. */
export const LOG_FORMATS: readonly LogFormat[] = ["text", "json"];

/** What is exchanged; SEMANTICS in `.github/ARCHITECTURE.md`. */
export type Mode = "shared" | "upload" | "download" | "conservative";

/** Every {@linkcode Mode}. */
export const MODES: readonly Mode[] = ["shared", "upload", "download", "conservative"];

/** The cipher of contents on the relay; `native`: the storage encrypts by itself. */
export type CipherName =
  | "off"
  | "fernet"
  | "blowfish"
  | "blowfish.cryptography"
  | "blowfish.blowfish"
  | "native";

/** Every {@linkcode CipherName}. */
export const CIPHERS: readonly CipherName[] = [
  "off",
  "fernet",
  "blowfish",
  "blowfish.cryptography",
  "blowfish.blowfish",
  "native",
];

/** How update data is compressed. */
export type CompressionName = "bz2" | "zstd" | "gzip" | "none";

/** Every {@linkcode CompressionName}. */
export const COMPRESSIONS: readonly CompressionName[] = ["bz2", "zstd", "gzip", "none"];

/** The TLS to speak; `TLS` is the best that both sides know. */
export type TlsVersion = "TLS" | "TLSv1.2" | "TLSv1.3";

/** Every {@linkcode TlsVersion}. */
export const TLS_VERSIONS: readonly TlsVersion[] = ["TLS", "TLSv1.2", "TLSv1.3"];

/** Whether modification times travel. The format is that of the first placeholders, which held nothing but a time. */
export type TimestampSettings =
  | { readonly kind: "yes"; readonly placeholderFormat: string }
  | { readonly kind: "no" };

/** The layout of the relay. */
export type IndexSettings =
  | { readonly kind: "none" }
  /** `depth`: how many levels of folders make a page of their own; 0: all files stand on one page. */
  | { readonly kind: "pages"; readonly depth: number };

/** Which files take part. Patterns are texts for `compilePattern`, all valid; an empty list lets everything through. */
export interface FilterSettings {
  /** Suffixes with their dot. */
  readonly fileTypes: readonly string[];
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly includeDirectories: readonly string[];
  readonly excludeDirectories: readonly string[];
}

/** How to reach the relay; for `file` the folder is absolute and there is no host. Secrets are in it. */
export interface RelaySettings {
  readonly protocol: string;
  readonly host?: string;
  readonly port?: number;
  readonly folder?: string;
  readonly username?: string;
  readonly password?: string;
  readonly certificateFile?: string;
  readonly keyFile?: string;
  readonly verifyTls: boolean;
  readonly tlsVersion: TlsVersion;
  /** The proxy on the way to the host that the environment names. */
  readonly proxy?: string;
  readonly encoding?: string;
  readonly maxTransfers: number;
  readonly timeoutMs: number;
  readonly nativePassphrase?: string;
  readonly program?: string;
  /** The file with rclone's remotes, if it is not rclone's own. */
  readonly rcloneConfig?: string;
  /** Tells of the rclone that a command started for itself: the next command ends it if the first was killed. */
  readonly rcloneRecord?: string;
}

/** One client: a local repository and its relay. */
export interface Section {
  readonly name: string;
  readonly configFile: string;
  readonly clientName: string;
  /**
   * The client of the same file that has the same folder and relay, where one sends and the other receives: what it
   * pushes is here already.
   */
  readonly sibling?: string;
  /** The local repository, absolute. */
  readonly localPath: string;
  readonly relay: RelaySettings;
  readonly mode: Mode;
  /** The longest wait between two rounds, seconds; `undefined` for a single round. */
  readonly refreshS: number | undefined;
  readonly timestamps: TimestampSettings;
  readonly cipher: CipherName;
  /** The bytes exactly as they stand in the file or the option; absent if the cipher is `off`. */
  readonly passphrase?: Uint8Array;
  /** The algorithm by its `node:crypto` name. */
  readonly checksum: { readonly algorithm: string } | undefined;
  readonly filters: FilterSettings;
  /** The most space to use on the relay. */
  readonly quotaBytes?: number;
  readonly maxPendingTransfers?: number;
  readonly pullerCount: number;
  readonly lockTimeoutS: number;
  readonly maxParallelTransfers: number;
  readonly index: IndexSettings;
  readonly maxPageSizeBytes: number;
  readonly compression: CompressionName;
  readonly legacyPeers: boolean;
  readonly priorityUpload: boolean;
  readonly allowPageDeletion: boolean;
  readonly pullOverwrite: boolean;
  /** 0 errors, 1 normal, 2 details. */
  readonly verbosity: number;
  /** As {@linkcode Configuration.keepAliveS}. */
  readonly keepAliveS?: number;
  /** Who is told by mail when the client stops. */
  readonly maintainer?: string;
  /** The client's state database, absolute. */
  readonly statePath: string;
}
