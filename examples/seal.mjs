// Seals a submission end to end and posts it.
//
// npm ci && node seal.mjs API API_KEY TENANT submission.json [ROOT]
// ROOT is what `beampost keys root` printed; with it a key is taken only if the root has signed it.

import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256 } from "hpke";

const SUITE = new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM);
const octets = (text) => new Uint8Array(Buffer.from(text, "base64url"));

/** The key to seal to. Throws when the root has signed none of those that the API tells. */
async function newestKey(api, root) {
  const answer = await fetch(`${api}/v1/keys`);
  if (!answer.ok) throw new Error(`the keys: ${answer.status}`);
  const told = await answer.json();
  const known = root ? await signedBy(root, told.signed) : told.keys;
  const keys = told.keys.filter(({ kid, x }) => known.some((jwk) => jwk.kid === kid && jwk.x === x));
  if (keys.length === 0) throw new Error("the root has signed none of these keys");
  return keys.reduce((newest, jwk) => (jwk.created > newest.created ? jwk : newest));
}

/** The keys in a compact JWS (RFC 7515) by this Ed25519 key. Throws when it is not by her. */
async function signedBy(root, signed = "") {
  const [head, payload, signature] = signed.split(".");
  const key = await crypto.subtle.importKey("raw", octets(root), "Ed25519", false, ["verify"]);
  const text = new TextEncoder().encode(`${head}.${payload}`);
  const good = signature && (await crypto.subtle.verify("Ed25519", key, octets(signature), text));
  if (!good) throw new Error("the keys are not signed by the root");
  return JSON.parse(new TextDecoder().decode(octets(payload))).keys;
}

/** `enc || ciphertext`, which opens for workers alone, and only as this tenant's job under this Idempotency-Key. */
async function sealed(submission, jwk, tenant, idempotencyKey) {
  const info = new TextEncoder().encode(["beampost/seal/v1", tenant, idempotencyKey, jwk.kid].join("\0"));
  const key = await SUITE.DeserializePublicKey(octets(jwk.x));
  const { encapsulatedSecret, ciphertext } = await SUITE.Seal(key, submission, { info });
  return Buffer.concat([encapsulatedSecret, ciphertext]);
}

const [api, apiKey, tenant, file, root] = process.argv.slice(2);
const idempotencyKey = `sealed-${randomUUID()}`;
const jwk = await newestKey(api, root);
const answer = await fetch(`${api}/v1/jobs`, {
  method: "POST",
  headers: {
    Authorization: `Bearer ${apiKey}`,
    "Content-Type": "application/vnd.beampost.sealed",
    "Beampost-Key-Id": jwk.kid,
    "Idempotency-Key": idempotencyKey,
  },
  body: await sealed(await readFile(file), jwk, tenant, idempotencyKey), // a retry posts the same octets
});
console.log(await answer.text());
process.exitCode = answer.ok ? 0 : 1;
