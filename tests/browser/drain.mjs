// A fleet of two, of which one drains: the browser calls by the other one.
//
// Chromium refuses to be sent to a loopback address, so this runs in a network
// namespace of its own, with an address on an interface that leads nowhere:
// the file runs itself again in there. Needs root.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { chromium as playwright } from 'playwright-core';

import { againstCoturn, chromium, startPages, startTurn } from './server.mjs';

const INSIDE = 'TURNPIKE_TEST_NAMESPACE';
const ADDRESS = '198.18.0.1';
const NAMESPACE = `
set -e
ip link set lo up
ip link add eth0 type veth peer name nowhere
ip link set nowhere up
ip address add ${ADDRESS}/24 dev eth0
ip link set eth0 up
ip route add default dev eth0
exec "$@"`;

function runInside() {
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  const done = spawnSync('unshare', ['--net', '--', 'sh', '-c', NAMESPACE, 'sh',
    process.execPath, '--test', '--test-reporter=spec',
    fileURLToPath(import.meta.url)], {
    env: { ...env, [INSIDE]: '1' }, encoding: 'utf8',
  });
  console.log(done.stdout + done.stderr);
  assert.equal(done.status, 0);
}

async function drain({ url, token }) {
  const answer = await fetch(`${url}/v1/drain`, {
    method: 'POST', body: '{}', headers: { Authorization: `Bearer ${token}` },
  });
  assert.equal(answer.status, 202);
}

async function call(browser, pages, iceServer) {
  const page = await browser.newPage();
  await page.goto(`${pages.url}/call.html`);
  await page.evaluate((server) => window.startCall(server, true), iceServer);
  const found = await page.evaluate(() => window.call.report());
  for (const n of [0, 1]) {
    console.log(`end ${n}: ${found[n].localAddress}`);
    assert.equal(found[n].local, 'relay');
    assert.equal(found[n].remote, 'relay');
    assert.ok(found[n].localAddress.startsWith(`${ADDRESS}:`));
  }
  const done = await page.evaluate(() => window.call.transfer(0, 1024 * 1024));
  assert.equal(done.received, done.sent);
  await page.evaluate(() => window.call.close());
}

async function callWhileOneDrains() {
  const fleet = { address: ADDRESS, nonceKey: '0123456789abcdef'.repeat(4) };
  const second = await startTurn(fleet);
  const first = await startTurn({ ...fleet, control: true,
    alternates: [`${ADDRESS}:${second.port}`] });
  const pages = await startPages();
  const browser = await playwright.launch({
    executablePath: chromium,
    args: ['--headless=new', '--no-sandbox', '--disable-gpu',
      '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream'],
  });
  try {
    await drain(first.control);
    await call(browser, pages, first.iceServer);
    assert.ok(first.log().includes('drains and takes nobody more'));
    assert.ok(!first.log().includes('session began'), first.log());
    assert.ok(second.log().match(/session began/g).length >= 2);
  } finally {
    await browser.close();
    await pages.stop();
    assert.equal(await first.stop(), 0, first.log());
    assert.equal(await second.stop(), 0, second.log());
  }
}

test('who comes while a server drains calls by another one of the fleet',
  { skip: againstCoturn && 'coturn does not drain' },
  process.env[INSIDE] ? callWhileOneDrains : runInside);
