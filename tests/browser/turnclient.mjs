// A TURN client of a socket and a few lines, for sessions whose user has a name
// that no browser would send.

import crypto from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';

const COOKIE = 0x2112a442;
const ALLOCATE = 0x0003;
const REFRESH = 0x0004;
const CLASS_BITS = 0x0110;
const ERROR = 0x0110;
const USERNAME = 0x0006;
const INTEGRITY = 0x0008;
const ERROR_CODE = 0x0009;
const LIFETIME = 0x000d;
const REALM = 0x0014;
const NONCE = 0x0015;
const TRANSPORT = 0x0019;
const UDP = Buffer.from([17, 0, 0, 0]);
const INTEGRITY_BYTES = 24;
const AGAIN_MS = 500;
const TRIES = 10;

function attribute(type, value) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
}

function message(type, transaction, attributes, key) {
  const body = Buffer.concat(attributes.map(([t, v]) => attribute(t, v)));
  const head = Buffer.alloc(8);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(body.length + (key ? INTEGRITY_BYTES : 0), 2);
  head.writeUInt32BE(COOKIE, 4);
  const text = Buffer.concat([head, transaction, body]);
  return key ? Buffer.concat([text, attribute(INTEGRITY,
    crypto.createHmac('sha1', key).update(text).digest())]) : text;
}

function parse(packet) {
  const found = new Map();
  for (let at = 20; at + 4 <= packet.length;) {
    const length = packet.readUInt16BE(at + 2);
    found.set(packet.readUInt16BE(at), packet.subarray(at + 4,
      at + 4 + length));
    at += 4 + length + (-length & 3);
  }
  return { type: packet.readUInt16BE(0), found };
}

export class TurnClient {
  constructor(port, user, password) {
    Object.assign(this, { port, password, user: Buffer.from(user) });
    this.socket = dgram.createSocket('udp4');
  }

  // The address as the server sees it.
  get address() {
    return `127.0.0.1:${this.socket.address().port}`;
  }

  async ask(type, attributes, key) {
    const packet = message(type, crypto.randomBytes(12), attributes, key);
    for (let i = 0; i < TRIES; i++) {
      this.socket.send(packet, this.port, '127.0.0.1');
      const signal = AbortSignal.timeout(AGAIN_MS);
      try {
        const [answer] = await once(this.socket, 'message', { signal });
        return parse(answer);
      } catch (error) {
        if (error.name !== 'AbortError')
          throw error;
      }
    }
    throw new Error('no answer');
  }

  async authenticated(type, attributes) {
    const all = [...attributes, [USERNAME, this.user], [REALM, this.realm],
      [NONCE, this.nonce]];
    return this.ask(type, all, this.key);
  }

  // Resolves to the error code, or to 0 if it has an allocation now.
  async allocate() {
    this.socket.bind(0, '127.0.0.1');
    await once(this.socket, 'listening');
    const { found } = await this.ask(ALLOCATE, [[TRANSPORT, UDP]]);
    this.realm = found.get(REALM);
    this.nonce = found.get(NONCE);
    this.key = crypto.createHash('md5').update(Buffer.concat([this.user,
      Buffer.from(':'), this.realm, Buffer.from(`:${this.password}`)]))
      .digest();
    const answer = await this.authenticated(ALLOCATE, [[TRANSPORT, UDP]]);
    if ((answer.type & CLASS_BITS) !== ERROR)
      return 0;
    const code = answer.found.get(ERROR_CODE);
    return code[2] * 100 + code[3];
  }

  // Whether the allocation is still there.
  async lives() {
    const answer = await this.authenticated(REFRESH, []);
    return (answer.type & CLASS_BITS) !== ERROR;
  }

  async leave() {
    if (this.key)
      await this.authenticated(REFRESH, [[LIFETIME, Buffer.alloc(4)]]);
    this.close();
  }

  close() {
    this.socket.close();
  }
}
