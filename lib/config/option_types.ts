/** The canonical name of every option. */
export type OptionName =
  | "local path"
  | "protocol"
  | "host address"
  | "host directory"
  | "port"
  | "username"
  | "password"
  | "client name"
  | "mode"
  | "push only"
  | "pull only"
  | "refresh"
  | "modification time"
  | "encryption"
  | "passphrase"
  | "legacy peers"
  | "checksum"
  | "checksum cache"
  | "index"
  | "maxpagesize"
  | "compression"
  | "allow page deletion"
  | "priority"
  | "file extension"
  | "include"
  | "exclude"
  | "include directory"
  | "exclude directory"
  | "disk quota"
  | "max pending transfers"
  | "max parallel transfers"
  | "puller count"
  | "lock timeout"
  | "min split size"
  | "pull overwrite"
  | "retry on error"
  | "verify ssl"
  | "ssl version"
  | "certfile"
  | "keyfile"
  | "encoding"
  | "rclone binary"
  | "rclone config"
  | "drive binary"
  | "maintainer"
  | "verbosity"
  | "log file"
  | "log rotate"
  | "log level"
  | "log format"
  | "keep alive";

/** What an option takes. `values.ts` reads each kind and says in words what it accepts. */
export type OptionType =
  | { readonly kind: "boolean" }
  | { readonly kind: "size" }
  | { readonly kind: "text" }
  | { readonly kind: "path" }
  | { readonly kind: "path or boolean" }
  | { readonly kind: "secret" }
  | { readonly kind: "address" }
  | { readonly kind: "client name" }
  | { readonly kind: "hash" }
  | { readonly kind: "index" }
  | { readonly kind: "time format" }
  | { readonly kind: "encoding" }
  | { readonly kind: "list"; readonly of: "texts" | "patterns" | "file types" }
  | { readonly kind: "integer"; readonly min: number; readonly max: number }
  | SecondsType
  | ChoiceType;

/** Seconds, `yes`, and perhaps `no` or `0`, which is read as 0. */
export interface SecondsType {
  readonly kind: "seconds";
  readonly min: number;
  readonly max: number;
  readonly whenYes: number;
  readonly takesNo: boolean;
}

/** One of a few words, in upper or lower case. */
export interface ChoiceType {
  readonly kind: "choice";
  readonly values: readonly string[];
  /** Other words and the value that each stands for; `yes` and `no` cover every way to write a boolean. */
  readonly synonyms?: Readonly<Record<string, string>>;
  /** Words that a user may try, and why they are refused. */
  readonly refused?: Readonly<Record<string, string>>;
}

/** Whether an option, or a value of it, can be used. */
export type Availability =
  | { readonly kind: "available" }
  | {
    readonly kind: "unavailable";
    /** The values that can be used all the same, as `values.ts` reads them. */
    readonly except: readonly string[];
    readonly why: string;
  };

/** An option of the configuration file. */
export interface Option {
  readonly name: OptionName;
  /** All its names, the canonical one among them; of several in one place the first here counts. */
  readonly names: readonly string[];
  readonly type: OptionType;
  /** `global`: stands before the first section only. `any`: there, for all sections, or in a section. */
  readonly scope: "any" | "global";
  /** As it would be written in a file; absent if there is none or if it depends on other options. */
  readonly default?: string;
  readonly help: string;
  readonly availability: Availability;
}
