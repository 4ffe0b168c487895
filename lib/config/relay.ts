import { type Address, MULTI_PATH_PROTOCOLS, parseAddress } from "./address.ts";
import type { Option, OptionName } from "./option_types.ts";
import { proxyFor } from "./proxy.ts";
import { readCredentials, type SecretsContext } from "./secrets.ts";
import { type RelaySettings, TLS_VERSIONS } from "./section.ts";
import { type Settings, whyUnavailable } from "./settings.ts";
import { parseValue, resolvePath } from "./values.ts";

/** How long a storage may be silent, milliseconds. */
const TIMEOUT_MS = 60_000;

/** What building the relay's settings needs. */
export interface RelayContext extends SecretsContext {
  readonly settings: Settings;
  readonly options: readonly Option[];
  /** The line of the section's header, for what is missing in it. */
  readonly line: number;
}

/** Puts together what the options say of the relay; reports what is wrong and then returns `undefined`. */
export function buildRelay(context: RelayContext): RelaySettings | undefined {
  const { settings } = context;
  const place = readPlace(context);
  if (place === undefined) return undefined;
  const { protocol, host, port, folder } = place;
  const login = protocol === "file" ? {} : readCredentials(settings, context);
  const username = place.username ?? login.username;
  const certificateFile = settings.text("certfile");
  const keyFile = settings.text("keyfile");
  const encoding = settings.text("encoding");
  const program = programFor(protocol, settings);
  const rcloneConfig = usesRclone(protocol) ? settings.text("rclone config") : undefined;
  const proxy = proxyFor({ protocol, host, port }, context.environment.variable);
  return {
    protocol,
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(folder === undefined ? {} : { folder }),
    ...(username === undefined ? {} : { username }),
    ...(login.password === undefined ? {} : { password: login.password }),
    ...(certificateFile === undefined ? {} : { certificateFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(encoding === undefined ? {} : { encoding }),
    ...(program === undefined ? {} : { program }),
    ...(rcloneConfig === undefined ? {} : { rcloneConfig }),
    verifyTls: settings.flag("verify ssl"),
    tlsVersion: settings.oneOf(TLS_VERSIONS, "ssl version") ?? "TLS",
    maxTransfers: settings.number("max parallel transfers"),
    timeoutMs: TIMEOUT_MS,
  };
}

/** Whether the relays of a protocol are reached through rclone. */
export function usesRclone(protocol: string): boolean {
  return protocol !== "googledrive" && MULTI_PATH_PROTOCOLS.includes(protocol);
}

interface Place {
  readonly protocol: string;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly folder?: string | undefined;
  readonly username?: string | undefined;
}

const PLACE_OPTIONS: readonly OptionName[] = [
  "protocol",
  "host address",
  "host directory",
  "port",
  "username",
];

function readPlace(context: RelayContext): Place | undefined {
  if (PLACE_OPTIONS.some((name) => context.settings.isBroken(name))) return undefined;
  const address = readAddress(context);
  const protocol = agreeOnProtocol(address, context);
  if (protocol === undefined) return undefined;
  if (protocol === "file") return filePlace(address, context);
  const place = remotePlace(protocol, address, context);
  return protocol === "googledrive" && place !== undefined ? drivePlace(place, context) : place;
}

function readAddress({ settings, environment: { home } }: RelayContext): Address {
  const text = settings.text("host address");
  if (text === undefined) return {};
  const wanted = settings.text("protocol");
  const address = parseAddress(text, { home });
  if (wanted === undefined || address.protocol !== undefined) return address;
  if (wanted === "file") return { host: text };
  if (!MULTI_PATH_PROTOCOLS.includes(wanted)) return address;
  // Beside a folder of its own the address names the remote, else it is all there is.
  if (settings.text("host directory") !== undefined) return { host: text };
  return parseAddress(`${wanted}://${text}`, { home });
}

function agreeOnProtocol(address: Address, context: RelayContext): string | undefined {
  const { settings, options, base } = context;
  const wanted = settings.text("protocol");
  const written = address.protocol;
  if (written === undefined) {
    if (wanted !== undefined) return wanted;
    if (address.host !== undefined && /^[/~]/.test(address.host)) return "file";
    return fail(context, 'the section has no "protocol", and its "host address" names none');
  }
  const option = options.find(({ name }) => name === "protocol");
  if (option === undefined) return undefined;
  const parsed = parseValue(option.type, written, base);
  if ("problem" in parsed) return failProtocol(context, parsed.problem);
  const why = whyUnavailable(option, parsed.value);
  if (why !== undefined) return failProtocol(context, why);
  const protocol = String(parsed.value);
  if (wanted === undefined || wanted === protocol) return protocol;
  // "webdav" leaves open which of the two it is.
  const [webdav, other] = wanted === "webdav" ? [wanted, protocol] : [protocol, wanted];
  if (webdav === "webdav" && (other === "http" || other === "https")) return other;
  return failProtocol(context, `should be "${wanted}", as "protocol" says`);
}

function filePlace(address: Address, context: RelayContext): Place | undefined {
  const { settings, base } = context;
  const directory = settings.text("host directory");
  const path = directory ?? address.host;
  if (path === undefined || path === "") {
    return fail(context, 'the section has no "relay path", the folder of the relay');
  }
  if (directory !== undefined && address.host !== undefined && directory !== address.host) {
    return fail(context, '"host address" and "host directory" name two folders: should be one');
  }
  const parsed = resolvePath(path, base);
  if ("problem" in parsed) return fail(context, `the relay's folder: ${parsed.problem}`);
  return { protocol: "file", folder: String(parsed.value) };
}

function remotePlace(
  protocol: string,
  address: Address,
  context: RelayContext,
): Place | undefined {
  const { settings } = context;
  const { host, username } = address;
  const needsHost = !MULTI_PATH_PROTOCOLS.includes(protocol);
  if (needsHost && (host === undefined || !/^[^/\s]+$/.test(host))) {
    return fail(context, `the section has no "host address" with a host, which ${protocol} needs`);
  }
  if (username?.includes(":")) {
    return fail(context, '"host address" has a password in it: should be in option "password"');
  }
  const path = address.path === "" ? undefined : address.path;
  return {
    protocol,
    host,
    port: agree("port", [readPort(address, context), settings.numberIfAny("port")], context),
    folder: agree("host directory", [path, settings.text("host directory")], context),
    username: agree("username", [username, settings.text("username")], context),
  };
}

/** The host is the folder where "drive init" was run. */
function drivePlace(place: Place, context: RelayContext): Place | undefined {
  const { host = "", folder = "" } = place;
  const form = 'should be as "googledrive:///home/me/gdrive//folder"';
  if (!/^[/~]/.test(host)) {
    return fail(context, `the section names no folder where "drive init" was run: ${form}`);
  }
  if (!folder.split("/").some((part) => part !== "")) {
    return fail(context, `the section names no folder on the drive: ${form}`);
  }
  const parsed = resolvePath(host, context.base);
  if ("problem" in parsed) return fail(context, `the folder of drive: ${parsed.problem}`);
  return { ...place, host: String(parsed.value) };
}

function readPort({ port }: Address, context: RelayContext): number | undefined {
  if (port === undefined) return undefined;
  const value = /^\d+$/.test(port) ? Number(port) : 0;
  if (value >= 1 && value <= 65_535) return value;
  return fail(context, '"host address" has a wrong port: should be a number from 1 to 65535');
}

/** The one value of two places, of which one may have none. */
function agree<T>(
  name: OptionName,
  [inAddress, inOption]: readonly [T | undefined, T | undefined],
  context: RelayContext,
): T | undefined {
  if (inAddress !== undefined && inOption !== undefined && inAddress !== inOption) {
    return fail(context, `"host address" and "${name}" say different things: should be one`);
  }
  return inAddress ?? inOption;
}

function programFor(protocol: string, settings: Settings): string | undefined {
  if (protocol === "googledrive") return settings.text("drive binary");
  return MULTI_PATH_PROTOCOLS.includes(protocol) ? settings.text("rclone binary") : undefined;
}

function failProtocol(context: RelayContext, problem: string): undefined {
  return fail(context, `the protocol of "host address": ${problem}`);
}

/** Reports an error where the address stands. */
function fail({ settings, line, problems }: RelayContext, text: string): undefined {
  problems.error(settings.given("host address")?.line ?? line, text);
}
