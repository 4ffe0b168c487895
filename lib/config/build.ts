import { printable } from "../path.ts";
import { whyNotClientName } from "./client_name.ts";
import { statePath } from "./paths.ts";
import { buildRelay, type RelayContext, usesRclone } from "./relay.ts";
import { readPassphrase } from "./secrets.ts";
import {
  type CipherName,
  CIPHERS,
  type CompressionName,
  COMPRESSIONS,
  type FilterSettings,
  type IndexSettings,
  type Mode,
  MODES,
  type RelaySettings,
  type Section,
  type TimestampSettings,
} from "./section.ts";
import type { Settings } from "./settings.ts";

/** The format of the first placeholders, as 0.7 wrote them. */
const PLACEHOLDER_FORMAT = "%y%m%d_%H%M%S";

/**
 * Builds a section of its settings. Reports what is missing or contradicts itself; the section is then `undefined`
 * or not to be used.
 */
export function buildSection(name: string, context: RelayContext): Section | undefined {
  const { settings, environment, configFile } = context;
  const localPath = requireLocalPath(name, context);
  const clientName = chooseClientName(name, context);
  const mode = chooseMode(context);
  const relay = buildRelay(context);
  const encryption = chooseEncryption(context);
  if (localPath === undefined || relay === undefined) return undefined;

  const legacyPeers = settings.flag("legacy peers");
  const refreshS = settings.number("refresh");
  const keepAliveS = settings.number("keep alive");
  const quotaBytes = settings.numberIfAny("disk quota");
  const maxPendingTransfers = settings.numberIfAny("max pending transfers");
  const maintainer = settings.text("maintainer");
  const state = statePath(name, { configFile, home: environment.home });
  return {
    name,
    configFile,
    clientName,
    localPath,
    relay: withRecord(withNativeCipher(relay, encryption), state),
    mode,
    refreshS: refreshS === 0 ? undefined : refreshS,
    timestamps: chooseTimestamps(settings),
    ...encryption,
    checksum: chooseChecksum(settings, legacyPeers),
    filters: chooseFilters(settings),
    ...(quotaBytes === undefined ? {} : { quotaBytes }),
    ...(maxPendingTransfers === undefined ? {} : { maxPendingTransfers }),
    pullerCount: settings.number("puller count"),
    lockTimeoutS: settings.number("lock timeout"),
    maxParallelTransfers: settings.number("max parallel transfers"),
    index: chooseIndex(settings),
    maxPageSizeBytes: settings.number("maxpagesize"),
    compression: chooseCompression(settings, legacyPeers),
    legacyPeers,
    priorityUpload: settings.text("priority") === "upload",
    allowPageDeletion: settings.flag("allow page deletion"),
    pullOverwrite: settings.flag("pull overwrite"),
    verbosity: settings.number("verbosity"),
    ...(keepAliveS === 0 ? {} : { keepAliveS }),
    ...(maintainer === undefined ? {} : { maintainer }),
    statePath: state,
  };
}

function requireLocalPath(name: string, { settings, line, problems }: RelayContext) {
  const path = settings.text("local path");
  if (path === undefined && !settings.isBroken("local path")) {
    const detail = 'has no "local path", the folder to synchronise';
    problems.error(line, `section "${printable(name)}" ${detail}`);
  }
  return path;
}

function chooseClientName(section: string, context: RelayContext): string {
  const { settings, environment, problems, line } = context;
  const given = settings.text("client name");
  if (given !== undefined || settings.isBroken("client name")) return given ?? "";
  const name = environment.hostName === "localhost" ? section : environment.hostName;
  const why = whyNotClientName(name);
  if (why !== undefined) {
    const detail = `needs a "client name": "${
      printable(name)
    }" cannot stand for it, since it ${why}`;
    problems.error(line, `section "${printable(section)}" ${detail}`);
  }
  return name;
}

function chooseMode({ settings, problems, line }: RelayContext): Mode {
  const mode = settings.oneOf(MODES, "mode");
  const [push, pull] = [settings.given("push only"), settings.given("pull only")];
  const implied = push?.value === true ? "upload" : pull?.value === true ? "download" : undefined;
  if (push?.value === true && pull?.value === true) {
    const detail = `contradicts "${push.writtenName}" in line ${push.line}: one should be no`;
    problems.error(pull.line, `option "${pull.writtenName}" ${detail}`);
  }
  const isDenied = (push?.value === false && mode === "upload") ||
    (pull?.value === false && mode === "download");
  if (isDenied || (mode !== undefined && implied !== undefined && mode !== implied)) {
    const detail = 'contradicts "push only" or "pull only": should stand alone';
    problems.error(settings.given("mode")?.line ?? line, `option "mode" is "${mode}": ${detail}`);
  }
  return implied ?? mode ?? "shared";
}

interface Encryption {
  readonly cipher: CipherName;
  readonly passphrase?: Uint8Array;
}

function chooseEncryption(context: RelayContext): Encryption {
  const { settings, problems } = context;
  const cipher = settings.oneOf(CIPHERS, "encryption") ?? "off";
  const encryption = settings.given("encryption");
  const passphrase = settings.given("passphrase");
  if (passphrase !== undefined && encryption === undefined) {
    // A misspelt "encryption" must not let plain files out.
    const detail = 'stands without "encryption": should have it, be it "encryption = no"';
    problems.error(passphrase.line, `option "${passphrase.writtenName}" ${detail}`);
  }
  if (cipher === "off") return { cipher };
  const bytes = readPassphrase(settings, { ...context, cipher });
  if (passphrase === undefined && encryption !== undefined) {
    problems.error(encryption.line, `option "encryption" is "${cipher}": needs a "passphrase"`);
  }
  return bytes === undefined ? { cipher } : { cipher, passphrase: bytes };
}

function withNativeCipher(relay: RelaySettings, { cipher, passphrase }: Encryption): RelaySettings {
  if (cipher !== "native" || passphrase === undefined) return relay;
  return { ...relay, nativePassphrase: new TextDecoder().decode(passphrase) };
}

function withRecord(relay: RelaySettings, state: string): RelaySettings {
  return usesRclone(relay.protocol) ? { ...relay, rcloneRecord: `${state}.tool-rclone` } : relay;
}

function chooseTimestamps(settings: Settings): TimestampSettings {
  const text = settings.text("modification time");
  if (text === "no") return { kind: "no" };
  const isFormat = text !== undefined && text !== "yes";
  return { kind: "yes", placeholderFormat: isFormat ? text : PLACEHOLDER_FORMAT };
}

function chooseChecksum(settings: Settings, legacyPeers: boolean): Section["checksum"] {
  const text = settings.text("checksum");
  if (text === "no") return undefined;
  const isNamed = text !== undefined && text !== "yes";
  return { algorithm: isNamed ? text : legacyPeers ? "sha512" : "sha256" };
}

function chooseCompression(settings: Settings, legacyPeers: boolean): CompressionName {
  return settings.oneOf(COMPRESSIONS, "compression") ?? (legacyPeers ? "bz2" : "zstd");
}

function chooseIndex(settings: Settings): IndexSettings {
  const text = settings.text("index") ?? "no";
  if (text === "no") return { kind: "none" };
  if (text === "yes") return { kind: "pages", depth: 0 };
  return { kind: "pages", depth: Number(text.split(":")[1] ?? 1) };
}

function chooseFilters(settings: Settings): FilterSettings {
  return {
    fileTypes: settings.list("file extension"),
    include: settings.list("include"),
    exclude: settings.list("exclude"),
    includeDirectories: settings.list("include directory"),
    excludeDirectories: settings.list("exclude directory"),
  };
}
