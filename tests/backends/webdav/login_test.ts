import assert from "node:assert/strict";
import { Login, parseChallenges } from "../../../backends/webdav/_login.ts";

const MUFASA = { username: "Mufasa", password: "Circle of Life" };
const BASIC = 'Basic realm="a"';
const MD5 = 'Digest realm="a", nonce="n1", qop="auth"';
const SHA = 'Digest realm="a", nonce="n2", qop="auth, auth-int", algorithm=SHA-256, opaque="o"';

function sentAfter(...challenges: readonly string[]): string | undefined {
  const login = new Login(MUFASA);
  for (const challenge of challenges) login.learn(challenge, undefined);
  return login.authorize("GET", "/dir/");
}

Deno.test("Login sends nothing before it is asked, and nothing without credentials", () => {
  assert.equal(sentAfter(), undefined);
  const nobody = new Login(undefined);
  assert.equal(nobody.learn(BASIC, undefined), false);
  assert.equal(nobody.authorize("GET", "/"), undefined);
});

Deno.test("Login prefers the stronger scheme", () => {
  assert.match(sentAfter(BASIC) ?? "", /^Basic TXVmYXNhOkNpcmNsZSBvZiBMaWZl$/);
  assert.match(sentAfter(`${BASIC}, ${MD5}`) ?? "", /^Digest .*nonce="n1".*algorithm=MD5/);
  assert.match(
    sentAfter(`${MD5}, ${SHA}, ${BASIC}`) ?? "",
    /nonce="n2".*algorithm=SHA-256.*opaque="o"/,
  );
  assert.equal(sentAfter("Negotiate"), undefined);
  assert.equal(sentAfter('Digest realm="a", nonce="n", algorithm=SHA-512'), undefined);
  assert.equal(sentAfter('Digest realm="a", nonce="n", qop="auth-int"'), undefined);
});

Deno.test("Login computes the digest of RFC 2069 where no quality of protection is offered", () => {
  const sent = sentAfter('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e"') ?? "";
  assert.match(
    sent,
    /^Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e"/,
  );
  assert.doesNotMatch(sent, /nc=|qop=|cnonce=/);
});

Deno.test("Login counts the uses of a nonce, and begins anew with another", () => {
  const login = new Login(MUFASA);
  assert.equal(login.learn(MD5, undefined), true);
  assert.match(login.authorize("GET", "/") ?? "", /nc=00000001/);
  const second = login.authorize("GET", "/");
  assert.match(second ?? "", /nc=00000002/);
  assert.equal(
    login.learn(MD5, second),
    false,
    "the same nonce was refused: the password is wrong",
  );
  assert.equal(login.learn(MD5.replace("n1", "n3"), second), true);
  assert.match(login.authorize("GET", "/") ?? "", /nonce="n3".*nc=00000001/);
});

Deno.test("Login does not try Basic twice", () => {
  const login = new Login(MUFASA);
  assert.equal(login.learn(BASIC, undefined), true);
  assert.equal(login.learn(BASIC, login.authorize("GET", "/")), false);
});

Deno.test("parseChallenges() reads several challenges in one header", () => {
  const header = 'Basic realm="a \\"b\\", c", Digest realm=d , nonce="n=, Basic", Negotiate';
  assert.deepEqual(
    parseChallenges(header).map((
      { scheme, parameters },
    ) => [scheme, Object.fromEntries(parameters)]),
    [
      ["basic", { realm: 'a "b", c' }],
      ["digest", { realm: "d", nonce: "n=, Basic" }],
      ["negotiate", {}],
    ],
  );
});
