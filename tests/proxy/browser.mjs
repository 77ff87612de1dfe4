// Headless Chromium speaking to the signaling proxy as the Web SDK does: one
// page, fetch and WebSocket. test_browser.py starts everything and says in
// PROXY_TEST (JSON) where it is; what the page found is printed as JSON.

import { createRequire } from 'node:module';
import http from 'node:http';
import { once } from 'node:events';

const given = JSON.parse(process.env.PROXY_TEST);
const require = createRequire(
  new URL('../browser/package.json', import.meta.url));
const { chromium } = require('playwright-core');

const pages = http.createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/html' });
  response.end('<!doctype html><title>page</title>');
});
pages.listen(given.pagePort, '127.0.0.1');
await once(pages, 'listening');

const browser = await chromium.launch({
  executablePath: given.chromium,
  args: ['--headless=new', '--no-sandbox', '--disable-gpu',
    '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
    `--host-resolver-rules=MAP ${given.name} ${given.address}, `
      + 'EXCLUDE localhost, EXCLUDE 127.0.0.1',
    `--ignore-certificate-errors-spki-list=${given.spki}`],
});

// In the page. `base` is the proxy's address with the upstream's name.
async function speak({ base, refused, other, broken }) {
  const found = {};
  const wish = (answer) => ({ 'X-Test-Answer': JSON.stringify(answer) });
  const wishIn = (answer) =>
    `wish=${encodeURIComponent(JSON.stringify(answer))}`;
  const ask = async (name, url, options = {}) => {
    try {
      const answer = await fetch(url, { credentials: 'include', ...options });
      found[name] = { status: answer.status, url: answer.url,
        redirected: answer.redirected, body: await answer.text() };
    } catch (error) {
      found[name] = { error: String(error) };
    }
  };
  await ask('get', `${base}/v1/users?x=%2F`, {
    headers: { Authorization: 'Bearer token' } });
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
    await ask(method.toLowerCase(), `${base}/v1/things`, {
      method, body: 'body', headers: { 'X-Skypetoken': 'token' } });
  await ask('error', `${base}/x`, {
    headers: wish({ status: 400, body: '{"code": 7}' }) });
  const moved = wishIn({ status: 307, body: '',
    headers: [['Location', `https://${other}/new?y=1`]] });
  await ask('redirect', `${base}/old?${moved}`);
  await ask('redirectWithToken', `${base}/old?${moved}`, {
    method: 'POST', body: 'body', headers: { Authorization: 'Bearer token' } });
  await ask('redirectAway', `${base}/old?${wishIn({ status: 302, body: '',
    headers: [['Location', 'https://evil.example.com/new']] })}`);
  await ask('refused', refused);
  await ask('broken', broken);
  await ask('stream', `${base}/x`, {
    headers: wish({ chunks: ['one', 'two', 'three'], pause: 0.05 }) });

  found.socket = await new Promise((resolve) => {
    const socket = new WebSocket(`${base.replace('https', 'wss')}/ws?t=1`);
    const result = { messages: [] };
    const large = new Uint8Array(1024 * 1024).map((_, at) => at * 7);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => socket.send('hello');
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') {
        result.messages.push(data);
        socket.send(large);
        return;
      }
      const back = new Uint8Array(data);
      result.same = back.length === large.length
        && back.every((byte, at) => byte === large[at]);
      socket.close(4001, 'done');
    };
    socket.onclose = ({ code, reason, wasClean }) =>
      resolve({ ...result, code, reason, wasClean });
  });
  found.refusedSocket = await new Promise((resolve) => {
    const socket = new WebSocket(refused.replace('https', 'wss'));
    socket.onopen = () => resolve('open');
    socket.onclose = ({ code }) => resolve(code);
  });
  return found;
}

const results = {};
try {
  for (const [who, url] of [
    ['listed', `http://localhost:${given.pagePort}/`],
    ['unlisted', `http://127.0.0.1:${given.pagePort}/`]]) {
    const page = await browser.newPage();
    await page.goto(url);
    results[who] = await page.evaluate(speak, given.urls);
    await page.close();
  }
} finally {
  await browser.close();
  pages.close();
  pages.closeAllConnections();
}
console.log(JSON.stringify(results));
