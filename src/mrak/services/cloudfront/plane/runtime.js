// What CloudFront's JavaScript runtimes have beyond the language: console, require, Buffer, String.bytesFrom.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html
(function () {
  'use strict';

  const logs = [];
  const show = (value) => (typeof value === 'string' ? value : value instanceof Error ? String(value) : JSON.stringify(value));
  const log = (...values) => {
    if (logs.length < 100) logs.push(values.map((value) => String(show(value))).join(' ').slice(0, 10000));
  };
  globalThis.console = { log, info: log, warn: log, error: log, debug: log };

  const binary = (text) => unescape(encodeURIComponent(text));
  const text = (bytes) => decodeURIComponent(escape(bytes));
  const hexadecimal = (bytes) => Array.from(bytes, (c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('');

  // Text of one character for each byte, from text in an encoding; and the way back.
  const decode = (value, encoding) => {
    switch ((encoding || 'utf8').toLowerCase()) {
      case 'base64':
      case 'base64url':
        return atob(value.replace(/-/g, '+').replace(/_/g, '/').replace(/=+$/, ''));
      case 'hex':
        return (value.match(/../g) || []).map((pair) => String.fromCharCode(parseInt(pair, 16))).join('');
      case 'latin1':
      case 'binary':
        return value;
      default:
        return binary(value);
    }
  };
  const encode = (bytes, encoding) => {
    switch ((encoding || 'utf8').toLowerCase()) {
      case 'base64':
        return btoa(bytes);
      case 'base64url':
        return btoa(bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
      case 'hex':
        return hexadecimal(bytes);
      case 'latin1':
      case 'binary':
        return bytes;
      default:
        return text(bytes);
    }
  };

  class Buffer extends Uint8Array {
    static from(value, encoding) {
      if (typeof value !== 'string') return super.from(value);
      return super.from(decode(value, encoding), (c) => c.charCodeAt(0));
    }
    static isBuffer(value) {
      return value instanceof Buffer;
    }
    static concat(parts) {
      return Buffer.from(parts.flatMap((part) => Array.from(part)));
    }
    toString(encoding) {
      return encode(Array.from(this, (byte) => String.fromCharCode(byte)).join(''), encoding);
    }
    equals(other) {
      return this.length === other.length && this.every((byte, at) => byte === other[at]);
    }
  }
  globalThis.Buffer = Buffer;
  String.bytesFrom = (value, encoding) => Buffer.from(value, encoding).toString('latin1');

  const bytesOf = (value) => (typeof value === 'string' ? binary(value) : Buffer.from(value).toString('latin1'));

  // Message digests of FIPS 180-4 and RFC 1321, on text of one character for each byte.
  const rotate = (word, by) => (word << by) | (word >>> (32 - by));
  const pad = (bytes, little) => {
    const words = new Uint32Array(((bytes.length + 72) >>> 6) << 4);
    const put = (at, byte) => (words[at >> 2] |= byte << (8 * (little ? at & 3 : 3 - (at & 3))));
    for (let at = 0; at < bytes.length; at++) put(at, bytes.charCodeAt(at));
    put(bytes.length, 0x80);
    const bits = bytes.length * 8;
    words[words.length - (little ? 2 : 1)] = bits;
    words[words.length - (little ? 1 : 2)] = Math.floor(bits / 0x100000000);
    return words;
  };
  const unpack = (words, little) =>
    words.map((word) => [24, 16, 8, 0].map((by) => String.fromCharCode((word >>> (little ? 24 - by : by)) & 255)).join('')).join('');

  const md5 = (bytes) => {
    const shifts = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
    const words = pad(bytes, true);
    for (let block = 0; block < words.length; block += 16) {
      let [a, b, c, d] = state;
      for (let i = 0; i < 64; i++) {
        const round = i >> 4;
        const mixed = [(b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d)][round];
        const at = [i, 5 * i + 1, 3 * i + 5, 7 * i][round] & 15;
        const sum = (a + mixed + Math.floor(Math.abs(Math.sin(i + 1)) * 0x100000000) + words[block + at]) | 0;
        [a, b, c, d] = [d, (b + rotate(sum, shifts[round][i & 3])) | 0, b, c];
      }
      state = [a, b, c, d].map((word, at) => (word + state[at]) | 0);
    }
    return unpack(state, true);
  };

  const sha1 = (bytes) => {
    let state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
    const words = pad(bytes, false);
    for (let block = 0; block < words.length; block += 16) {
      const w = Array.from(words.subarray(block, block + 16));
      let [a, b, c, d, e] = state;
      for (let i = 0; i < 80; i++) {
        if (i >= 16) w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        const round = Math.floor(i / 20);
        const mixed = [(b & c) | (~b & d), b ^ c ^ d, (b & c) | (b & d) | (c & d), b ^ c ^ d][round];
        const sum = (rotate(a, 5) + mixed + e + [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6][round] + w[i]) | 0;
        [a, b, c, d, e] = [sum, a, rotate(b, 30), c, d];
      }
      state = [a, b, c, d, e].map((word, at) => (word + state[at]) | 0);
    }
    return unpack(state, false);
  };

  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime)) primes.push(n);
  const fraction = (value) => Math.floor((value - Math.floor(value)) * 0x100000000) | 0;
  const sha256 = (bytes) => {
    const constants = primes.map((prime) => fraction(Math.cbrt(prime)));
    let state = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
    const words = pad(bytes, false);
    const turn = (word, x, y, z) => rotate(word, 32 - x) ^ rotate(word, 32 - y) ^ rotate(word, 32 - z);
    for (let block = 0; block < words.length; block += 16) {
      const w = Array.from(words.subarray(block, block + 16));
      let [a, b, c, d, e, f, g, h] = state;
      for (let i = 0; i < 64; i++) {
        if (i >= 16) {
          const low = rotate(w[i - 15], 25) ^ rotate(w[i - 15], 14) ^ (w[i - 15] >>> 3);
          const high = rotate(w[i - 2], 15) ^ rotate(w[i - 2], 13) ^ (w[i - 2] >>> 10);
          w[i] = (w[i - 16] + low + w[i - 7] + high) | 0;
        }
        const one = (h + turn(e, 6, 11, 25) + ((e & f) ^ (~e & g)) + constants[i] + w[i]) | 0;
        const two = (turn(a, 2, 13, 22) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        [a, b, c, d, e, f, g, h] = [(one + two) | 0, a, b, c, (d + one) | 0, e, f, g];
      }
      state = [a, b, c, d, e, f, g, h].map((word, at) => (word + state[at]) | 0);
    }
    return unpack(state, false);
  };

  const algorithms = { md5, sha1, sha256 };
  const mac = (hash, key, data) => {
    const block = (key.length > 64 ? hash(key) : key).padEnd(64, '\0');
    const mask = (by) => Array.from(block, (c) => String.fromCharCode(c.charCodeAt(0) ^ by)).join('');
    return hash(mask(0x5c) + hash(mask(0x36) + data));
  };
  const digester = (algorithm, key) => {
    const hash = algorithms[algorithm];
    if (!hash) throw new Error(`Unknown algorithm: ${algorithm}`);
    let data = '';
    return {
      update(value, encoding) {
        data += encoding ? decode(value, encoding) : bytesOf(value);
        return this;
      },
      digest(encoding) {
        const found = key === null ? hash(data) : mac(hash, key, data);
        return encoding ? encode(found, encoding) : Buffer.from(found, 'latin1');
      },
    };
  };
  const crypto = {
    createHash: (algorithm) => digester(algorithm, null),
    createHmac: (algorithm, key) => digester(algorithm, bytesOf(key)),
  };

  const querystring = {
    escape: encodeURIComponent,
    unescape: (value) => decodeURIComponent(value.replace(/\+/g, ' ')),
    parse(value, separator, equals) {
      const found = {};
      for (const part of value.split(separator || '&')) {
        if (!part) continue;
        const at = part.indexOf(equals || '=');
        const name = querystring.unescape(at < 0 ? part : part.slice(0, at));
        const given = at < 0 ? '' : querystring.unescape(part.slice(at + 1));
        found[name] = name in found ? [].concat(found[name], given) : given;
      }
      return found;
    },
    stringify(object, separator, equals) {
      const pairs = Object.keys(object).flatMap((name) => [].concat(object[name]).map((value) => [name, value]));
      return pairs.map((pair) => pair.map(encodeURIComponent).join(equals || '=')).join(separator || '&');
    },
  };
  querystring.decode = querystring.parse;
  querystring.encode = querystring.stringify;

  // The key value store that is associated with the function.
  // https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-custom-methods.html
  let values = null;
  const find = (key) => {
    values = values || new Map(Object.entries(JSON.parse(globalThis.__kvs.values)));
    return values.get(String(key));
  };
  const read = (value, format) => {
    if (format === 'json') return JSON.parse(value);
    return format === 'bytes' ? Buffer.from(value) : value;
  };
  const kvs = (id) => {
    const about = globalThis.__kvs;
    if (!about || (id !== undefined && id !== about.id)) throw new Error('KVSNamespaceNotFound: no such key value store');
    return {
      async get(key, options) {
        const value = find(key);
        if (value === undefined) throw new Error(`KeyNotFound: ${key}`);
        return read(value, options && options.format);
      },
      exists: async (key) => typeof find(key) === 'string',
      count: async () => about.count,
      meta: async () => ({
        creationDateTime: new Date(about.created * 1000).toISOString(),
        lastUpdatedDateTime: new Date(about.modified * 1000).toISOString(),
        keyCount: about.count,
      }),
    };
  };

  const modules = { crypto, querystring, buffer: { Buffer }, cloudfront: { kvs } };
  globalThis.require = (name) => {
    if (!(name in modules)) throw new Error(`Cannot find module '${name}'`);
    return modules[name];
  };
  return () => JSON.stringify(logs);
})
