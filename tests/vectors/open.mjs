// Opens vectors of X25519 with an HPKE library of npm, tries each under another info, and seals its text anew.
//
// node open.mjs seal.json    prints a list of { opened, refused, sealed }, octets in hex

import { readFile } from "node:fs/promises";
import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256 } from "hpke";

const SUITE = new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM);
const ENCAPSULATED = 32;
const octets = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (...pieces) => Buffer.concat(pieces).toString("hex");

async function tried(vector) {
  const [info, sealed] = [octets(vector.info), octets(vector.sealed)];
  const key = await SUITE.DeserializePrivateKey(octets(vector.private), true); // Node 20 has no other way to its public half
  const open = (bound) => SUITE.Open(key, sealed.slice(0, ENCAPSULATED), sealed.slice(ENCAPSULATED), { info: bound });
  const opened = hex(await open(info));
  const refused = await open(new Uint8Array([...info, 0])).then(() => false, () => true);
  const anew = await SUITE.Seal(await SUITE.DeserializePublicKey(octets(vector.public)), octets(vector.opened), { info });
  return { opened, refused, sealed: hex(anew.encapsulatedSecret, anew.ciphertext) };
}

const vectors = JSON.parse(await readFile(process.argv[2]));
console.log(JSON.stringify(await Promise.all(vectors.map(tried))));
