import { BlockList, isIP } from "node:net";

/** Where a request is to go. */
export interface Destination {
  readonly protocol: string;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
}

const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ["http", 80],
  ["https", 443],
  ["webdav", 443],
]);

/**
 * The proxy that the environment names for a WebDAV relay, as text: `http_proxy` for `http`, else `https_proxy`, or
 * `all_proxy` for both, in small letters or capitals; `undefined` if there is none, or `no_proxy` names the host.
 */
export function proxyFor(
  { protocol, host, port }: Destination,
  variable: (name: string) => string | undefined,
): string | undefined {
  const ownPort = DEFAULT_PORTS.get(protocol);
  if (ownPort === undefined || host === undefined) return undefined;
  const read = (name: string) => {
    const text = variable(name) || variable(name.toUpperCase());
    return text === "" ? undefined : text;
  };
  const proxy = read(protocol === "http" ? "http_proxy" : "https_proxy") ?? read("all_proxy");
  if (proxy === undefined || isExempt(read("no_proxy") ?? "", host, port ?? ownPort)) {
    return undefined;
  }
  return proxy;
}

/** The proxy's own host and port, as a permission names them; `undefined` if the text is no address. */
export function proxyAddress(proxy: string): string | undefined {
  const url = URL.parse(proxy.includes("://") ? proxy : `http://${proxy}`);
  if (url === null || url.hostname === "") return undefined;
  return `${url.hostname}:${url.port === "" ? 80 : url.port}`;
}

/** Whether a list like `example.org, .example.net:8080, 10.0.0.1, 10.0.0.0/8` or `*` names a host, or a domain that it is in. */
function isExempt(list: string, host: string, port: number): boolean {
  const wanted = host.toLowerCase();
  return list.toLowerCase().split(/[\s,]+/).some((entry) => {
    if (entry === "*" || isInSubnet(wanted, entry)) return true;
    const [, bracketed, plain, onlyPort] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ??
      [undefined, undefined, entry];
    if (onlyPort !== undefined && Number(onlyPort) !== port) return false;
    const name = (bracketed ?? plain ?? "").replace(/^\*?\./, "");
    return name !== "" && (wanted === name || wanted.endsWith(`.${name}`));
  });
}

/** Whether a host is an address in a subnet like `10.0.0.0/8` or `fd00::/8` (RFC 4632, RFC 4291). */
function isInSubnet(host: string, subnet: string): boolean {
  const [, net = "", prefix] = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(subnet) ?? [];
  const family = isIP(net);
  if (family === 0 || family !== isIP(host)) return false;
  const bits = Number(prefix);
  if (bits > (family === 4 ? 32 : 128)) return false;
  const type = family === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(net, bits, type);
  return list.check(host, type);
}
