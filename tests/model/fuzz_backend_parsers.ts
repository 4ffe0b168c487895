import assert from "node:assert/strict";
import { parseStatus } from "../../backends/ftp/_list.ts";
import {
  type ListingLine,
  parseFactsLine,
  parseListLine,
  parseTime,
} from "../../backends/ftp/_listing.ts";
import { codingOf } from "../../backends/ftp/_names.ts";
import {
  parseAnnouncedSize,
  parseExtendedPassive,
  parseFeatures,
  parsePassive,
  parsePath,
  parseSize,
  type Reply,
  ReplyError,
  ReplyParser,
} from "../../backends/ftp/_reply.ts";
import { parseRemotes, placeOf } from "../../backends/rclone/_remote.ts";
import { Login, parseChallenges } from "../../backends/webdav/_login.ts";
import { timeOf } from "../../backends/webdav/_multistatus.ts";
import { hideDot, pathOf, showDot } from "../../backends/webdav/_names.ts";
import { XmlError, XmlReader } from "../../backends/webdav/_xml.ts";
import { utf8 } from "../support/byte_streams.ts";
import { multistatus } from "../support/dav_server.ts";
import { inPieces } from "./fuzz_inputs.ts";
import { backend, nothing, type Parser } from "./fuzz_run.ts";

const CODING = codingOf();

const replies: Parser = {
  name: "FTP replies",
  seeds: [
    "220 ready\r\n331 name?\r\n230 in\r\n",
    "211-Features:\r\n MLST type*;size*;modify*;\r\n SIZE\r\n UTF8\r\n211 End\r\n",
    '257 "/a ""b""/c" is here\r\n',
    "229 Entering Extended Passive Mode (|||40123|)\r\n227 At (127,0,0,1,156,64).\r\n",
    "213 12345\r\n150 Sending f (12345 bytes).\r\n226 Sent\r\n",
    "250-Listing f\r\n type=file;size=1;modify=20200102030405; /f\r\n250 End\r\n",
  ].map(utf8),
  mayThrow: (thrown) => thrown instanceof ReplyError,
  read(input, dice) {
    const read = new ReplyParser(CODING.decode).feed(input);
    const parser = new ReplyParser(CODING.decode);
    const again = inPieces(input, dice).flatMap((piece) => parser.feed(piece));
    assert.equal(JSON.stringify(again), JSON.stringify(read));
    for (const reply of read) checkReply(reply);
  },
};

function checkReply(reply: Reply): void {
  assert.ok(reply.code >= 100 && reply.code < 600);
  parseFeatures(reply);
  parsePath(reply);
  checkLine(parseStatus(reply));
  for (const port of [parseExtendedPassive(reply), parsePassive(reply)]) {
    assert.ok(port === undefined || port >= 1 && port <= 65_535);
  }
  for (const size of [parseSize(reply), parseAnnouncedSize(reply)]) {
    assert.ok(size === undefined || Number.isSafeInteger(size) && size >= 0);
  }
}

const listings: Parser = {
  name: "FTP listings",
  seeds: [
    "Type=file;Size=12;Modify=20200102030405.123; a b",
    "type=dir;modify=20200102030405;UNIX.mode=0755; d",
    "type=OS.unix=slink:/etc/passwd;size=1; link",
    "-rw-r--r--    1 1000     1000           12 Jan  2 03:04 a b",
    "-rw-r--r--. 1 Domain Users Some One 12 Nov 22  2019 f ",
    "drwxr-xr-x   12 root     root         4096 Jan  2 03:04 d",
    "lrwxrwxrwx 1 root root 11 Jan  2 03:04 link -> /etc/passwd",
    "crw-rw-rw- 1 root root 1, 3 Jan  2 03:04 null",
    "01-02-20  03:04AM                   12 a b",
    "01-02-20  03:04AM       <DIR>          d",
    "total 12",
  ].map(utf8),
  mayThrow: nothing,
  read(input) {
    const line = CODING.decode(input);
    checkLine(parseFactsLine(line));
    checkLine(parseListLine(line));
    const ms = parseTime(line);
    assert.ok(ms === undefined || Number.isFinite(ms));
  },
};

function checkLine(line: ListingLine | "absent" | undefined): void {
  if (typeof line !== "object") return;
  assert.ok(line.name !== "" && Number.isSafeInteger(line.sizeBytes) && line.sizeBytes >= 0);
  assert.ok(line.modifiedMs === undefined || Number.isFinite(line.modifiedMs));
}

const ANSWER = multistatus([
  { href: "/relay/", isFolder: true, modified: "Sun, 22 Nov 2026 09:00:00 GMT" },
  { href: "/relay/a%20b", sizeBytes: 12, modified: "Sun, 22 Nov 2026 09:00:00 GMT" },
]).body;

/** Answers to a `PROPFIND`. */
export const MULTISTATUS: readonly Uint8Array[] = [
  typeof ANSWER === "string" ? utf8(ANSWER) : ANSWER ?? utf8(""),
  utf8(
    '<?xml version="1.0"?><D:multistatus xmlns:D="DAV:" xmlns:x="y"><D:response><D:href><![CDATA[/a&b]]>' +
      "</D:href><D:propstat><D:prop><D:getetag>&quot;1&#x22;</D:getetag><x:z/></D:prop><D:status>" +
      "HTTP/1.1 200 OK</D:status></D:propstat></D:response><!-- end --></D:multistatus>",
  ),
];

const xml: Parser = {
  name: "XML",
  seeds: MULTISTATUS,
  mayThrow: (thrown) => thrown instanceof XmlError,
  read(input, dice) {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    const found = elementsOf([decoder.decode(input)]);
    const parts = inPieces(input, dice).map((piece) => decoder.decode(piece, { stream: true }));
    assert.equal(elementsOf([...parts, decoder.decode()]), found);
  },
};

function elementsOf(parts: readonly string[]): string {
  let found = "";
  const reader = new XmlReader({
    open: (namespace, name) => found += `<{${namespace}}${name}>`,
    text: (text) => found += text,
    close: () => found += "</>",
  });
  for (const part of parts) reader.push(part);
  reader.end();
  return found;
}

const hrefs: Parser = {
  name: "WebDAV paths and times",
  seeds: [
    ...["/relay/a%20b", "http://127.0.0.1/relay/x", "//relay/x", "./x", "/relay/%e4%b8%ad%C3%A4"],
    ...["/relay/%2Ehidden", "%252Ehidden", "Sun, 22 Nov 2026 09:00:00 GMT", "http://[::1]/x/"],
  ].map(utf8),
  mayThrow: nothing,
  read(input) {
    const text = new TextDecoder().decode(input);
    const path = pathOf(text, "/relay/");
    assert.ok(path === undefined || !path.endsWith("/"));
    const ms = timeOf(text);
    assert.ok(ms === undefined || Number.isFinite(ms));
    if (text.includes("/")) return;
    assert.ok(!showDot(text).startsWith("."));
    assert.equal(hideDot(showDot(text)), text);
  },
};

const challenges: Parser = {
  name: "WebDAV challenges",
  seeds: [
    'Basic realm="a \\"b\\""',
    'Digest realm="r", nonce="n0", qop="auth,auth-int", algorithm=SHA-256, opaque="o"',
    'Digest realm="r",nonce=n1,algorithm=MD5-sess, Basic realm=x, Negotiate abc==',
  ].map(utf8),
  mayThrow: nothing,
  read(input) {
    // A header has no line ends: the runtime refuses those.
    const header = new TextDecoder("latin1").decode(input).replace(/[\r\n\0]/g, " ");
    for (const { scheme } of parseChallenges(header)) assert.match(scheme, /^[\w-]+$/);
    const login = new Login({ username: "é", password: "p" });
    login.learn(header, undefined);
    const sent = login.authorize("GET", "/x");
    assert.ok(sent === undefined || !/[\r\n\0]/.test(sent));
    if (login.learn(header, sent)) login.authorize("GET", "/x");
  },
};

/** The remotes of rclone, as it prints them. */
const REMOTES = JSON.stringify({
  dropbox: { type: "dropbox", token: "{}" },
  secret: { type: "crypt", remote: "dropbox:folder" },
  loop: { type: "alias", remote: "loop:" },
});
const remotes: Parser = {
  name: "rclone's remotes",
  seeds: [REMOTES, "{}", "rclone://secret:folder", "dropbox:a/b"].map(utf8),
  mayThrow: backend("protocol", "not-found"),
  read(input, dice) {
    const text = new TextDecoder().decode(input);
    const known = parseRemotes(dice.once(2) ? text : REMOTES);
    const rest = { verifyTls: true, maxTransfers: 1, timeoutMs: 1 };
    const protocol = dice.pick(["rclone", "dropbox", "s3"]);
    const { remote } = placeOf({ ...rest, protocol, folder: text.slice(0, 200) }, known);
    assert.ok(remote.endsWith(":"));
  },
};

/** What is read of what a relay's server sends. */
export const BACKEND_PARSERS: readonly Parser[] = [
  ...[replies, listings, xml, hrefs, challenges, remotes],
];
