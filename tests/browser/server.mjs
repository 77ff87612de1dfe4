// The servers that the pages need: turnpiked (or coturn, to check the pages
// themselves) on 127.0.0.1, and a web server for the pages.

import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');
const ADDRESS = '127.0.0.1';
// Outside the range from which the kernel gives ports to the browser.
const RELAY_PORTS = [61000, 65535];
const START_MS = 30000;
const STOP_MS = 30000;

export const againstCoturn = process.env.TURN_SERVER === 'coturn';

export const chromium = [
  process.env.CHROMIUM, path.join(root, 'build/tools/usr/bin/chromium'),
  path.join(root, 'build/tools/bin/chromium'), '/usr/bin/chromium',
].find((file) => file && fs.existsSync(file));

async function freePort() {
  const socket = dgram.createSocket('udp4');
  for (;;) {
    const port = 20000 + randomBytes(2).readUInt16BE() % 12000;
    try {
      socket.bind(port, ADDRESS);
      await once(socket, 'listening');
      socket.close();
      await once(socket, 'close');
      return port;
    } catch { /* taken: another */ }
  }
}

// Sends a Binding request until it is answered: then the server is there.
async function answers(address, port, gone) {
  const socket = dgram.createSocket('udp4');
  const request = Buffer.concat([
    Buffer.from('000100002112a442', 'hex'), randomBytes(12)]);
  const ask = () => socket.send(request, port, address);
  const again = setInterval(ask, 50);
  try {
    ask();
    await Promise.race([once(socket, 'message'), gone]);
  } finally {
    clearInterval(again);
    socket.close();
  }
}

async function freeTcpPort() {
  const server = http.createServer().listen(0, ADDRESS);
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

const quoted = (text) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;

// `options`: see startTurn().
function configuration(folder, port, credential, options) {
  const state = path.join(folder, 'state');
  fs.mkdirSync(state, { mode: 0o700 });
  let user = '';
  if (process.getuid() === 0) {
    const id = (flag) => Number(execFileSync('id', [flag, 'nobody']));
    fs.chownSync(state, id('-u'), id('-g'));
    user = 'user = "nobody";';
  }
  const users = [credential, ...(options.users ?? []).map((name) => (
    { username: name, credential: credential.credential }))].map((one) =>
    `{ name = ${quoted(one.username)}; password = ${quoted(one.credential)}; }`);
  // No peers.allow: two clients of one server can always talk to each other.
  return `
realm = "example.org";
listen = ( { transport = "udp"; address = "${options.address}"; port = ${port}; } );
relay = { address = "${options.address}"; ports = [ ${RELAY_PORTS.join(', ')} ];
  ${options.advertise ? `advertise = "${options.advertise}";` : ''} };
users = ( ${users.join(',\n  ')} );
${options.secret ? `secrets = ( { secret = "${options.secret}"; } );` : ''}
control = { socket = "${state}/control.sock";
  http = "${options.controlPort ? `${ADDRESS}:${options.controlPort}` : ''}"; };
workers = 2;
state_dir = "${state}";
drain = { deadline = "0s";
  alternates = [ ${(options.alternates ?? []).map(quoted).join(', ')} ]; };
${options.nonceKey ? `nonce = { key = "${options.nonceKey}"; };` : ''}
${user}
`;
}

function coturnCommand(folder, port, credential) {
  const tree = process.env.COTURN_DIR ?? '/';
  const lib = path.join(tree, 'usr/lib');
  return {
    program: path.join(tree, 'usr/bin/turnserver'),
    env: {
      LD_LIBRARY_PATH: fs.readdirSync(lib)
        .filter((name) => name.endsWith('-linux-gnu'))
        .map((name) => path.join(lib, name)).join(':'),
    },
    arguments: ['-n', '--lt-cred-mech', '--no-cli', '--no-tls', '--no-dtls',
      '--allow-loopback-peers', '--log-file=stdout', '--simple-log',
      `--listening-ip=${ADDRESS}`, `--listening-port=${port}`,
      `--relay-ip=${ADDRESS}`, `--min-port=${RELAY_PORTS[0]}`,
      `--max-port=${RELAY_PORTS[1]}`, '--realm=example.org',
      `--user=${credential.username}:${credential.credential}`,
      `--userdb=${folder}/turndb`, `--pidfile=${folder}/pid`],
  };
}

function turnpikedCommand(folder, port, credential, options) {
  const file = path.join(folder, 'turnpike.conf');
  fs.writeFileSync(file, configuration(folder, port, credential, options),
    { mode: 0o640 });
  if (process.getuid() === 0)
    fs.chownSync(file, 0, Number(execFileSync('id', ['-g', 'nobody'])));
  return {
    program: path.resolve(process.env.TURNPIKED
      ?? path.join(root, 'build/turnpiked')),
    env: {},
    arguments: ['-c', file],
  };
}

// Starts a TURN server: { iceServer, uri, port, log(), stop() }, and of ours,
// with `control`, also control: { url, token }. stop() sends SIGTERM and
// resolves to the exit status. `users` are names of more users with the same
// password; `secret` makes time-limited credentials; `alternates` are where
// clients are sent to while it drains, with the fleet's `nonceKey`; `address`
// is where it listens and relays.
export async function startTurn(options = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tp-browser-'));
  fs.chmodSync(folder, 0o755);
  const { address = ADDRESS } = options;
  const port = await freePort();
  const controlPort = options.control ? await freeTcpPort() : 0;
  const credential = { username: 'alice', credential: 'secret' };
  const command = (againstCoturn ? coturnCommand : turnpikedCommand)(
    folder, port, credential, { ...options, address, controlPort });
  const { JOURNAL_STREAM, NOTIFY_SOCKET, ...env } = process.env;
  const child = spawn(command.program, command.arguments, {
    env: { ...env, ...command.env }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = [];
  child.stdout.on('data', (data) => log.push(data));
  child.stderr.on('data', (data) => log.push(data));
  const text = () => Buffer.concat(log).toString();
  const ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
  const gone = ended.then((how) => {
    throw new Error(`${command.program} ended with ${how}:\n${text()}`);
  });
  gone.catch(() => {});
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error('the server does not answer')),
      START_MS).unref();
  });
  await answers(address, port, Promise.race([gone, late]));
  const uri = `turn:${address}:${port}?transport=udp`;
  return {
    uri,
    port,
    control: controlPort ? {
      url: `http://${ADDRESS}:${controlPort}`,
      token: fs.readFileSync(path.join(folder, 'state/control-token'), 'utf8')
        .trim(),
    } : undefined,
    iceServer: { urls: uri, ...credential },
    log: text,
    async stop() {
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      child.kill('SIGTERM');
      const how = await ended;
      clearTimeout(timer);
      fs.rmSync(folder, { recursive: true, force: true });
      return how;
    },
  };
}

const TYPES = {
  '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css',
};

// Serves page/ on localhost: { url, stop() }.
export async function startPages() {
  const folder = path.join(here, 'page');
  const server = http.createServer((request, response) => {
    const name = path.basename(new URL(request.url, 'http://x').pathname);
    const file = path.join(folder, name);
    if (!TYPES[path.extname(name)] || !fs.existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': TYPES[path.extname(name)] });
    response.end(fs.readFileSync(file));
  });
  server.listen(0, ADDRESS);
  await once(server, 'listening');
  return {
    url: `http://localhost:${server.address().port}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
