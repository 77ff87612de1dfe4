// Headless Chromium through turnpiked: what a browser's user sees.
//
//   npm test                                    build/turnpiked
//   TURNPIKED=path CHROMIUM=path npm test       other programs
//   TURN_SERVER=coturn COTURN_DIR=tree npm test the pages against coturn

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { chromium as playwright } from 'playwright-core';

import { againstCoturn, chromium, startPages, startTurn } from './server.mjs';

const CALL_SECONDS = 10;
const TRANSFER_BYTES = 5 * 1024 * 1024;
const ADVERTISED = '20.202.255.255';

let turn;
let pages;
let browser;

before(async () => {
  assert.ok(chromium, 'no Chromium: set CHROMIUM');
  turn = await startTurn();
  pages = await startPages();
  browser = await playwright.launch({
    executablePath: chromium,
    args: ['--headless=new', '--no-sandbox', '--disable-gpu',
      '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      '--autoplay-policy=no-user-gesture-required'],
  });
});

after(async () => {
  await browser?.close();
  await pages?.stop();
  const how = await turn?.stop();
  if (!againstCoturn && turn)
    assert.equal(how, 0, `exit status ${how}:\n${turn.log()}`);
});

async function open(name) {
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.log(`page: ${error}`));
  await page.goto(`${pages.url}/${name}`);
  return page;
}

async function gather(page, uri, user, password) {
  await page.fill('#uri', uri);
  await page.fill('#user', user);
  await page.fill('#password', password);
  await page.click('button');
}

const cells = (row) => row.locator('td').allTextContents();

test('Trickle ICE shows a relay candidate', async () => {
  const page = await open('trickle.html');
  await gather(page, turn.uri, 'alice', 'secret');
  const row = page.locator('#candidates tr:has(td:text-is("relay"))').first();
  await row.waitFor({ timeout: 10000 });
  const [ms, type, protocol, address, port] = await cells(row);
  console.log(`${type} ${protocol} ${address}:${port} after ${ms} ms`);
  assert.equal(protocol, 'udp');
  assert.equal(address, '127.0.0.1');
  assert.ok(Number(port) >= 61000);
  assert.ok(Number(ms) < 3000, `only after ${ms} ms`);
  await page.close();
});

test('Trickle ICE shows 401 with a wrong password', async () => {
  const page = await open('trickle.html');
  await gather(page, turn.uri, 'alice', 'wrong');
  const row = page.locator('#errors tr').first();
  await row.waitFor({ timeout: 10000 });
  const [ms, code, text, url] = await cells(row);
  console.log(`${code} "${text}" of ${url} after ${ms} ms`);
  assert.equal(code, '401');
  await page.locator('#state:has-text("complete")').waitFor();
  assert.equal(
    await page.locator('#candidates td:text-is("relay")').count(), 0);
  await page.close();
});

function show(end, found) {
  console.log(`end ${end}: ${found.local} ${found.localAddress} to `
    + `${found.remote}, ${found.framesDecoded} frames, `
    + `${found.videoBytes} + ${found.audioBytes} bytes, `
    + `${found.videoLost} + ${found.audioLost} packets lost, round trip `
    + `${found.roundTrip * 1000} ms`);
}

async function transfers(page) {
  for (const from of [0, 1]) {
    const done = await page.evaluate(
      ([end, size]) => window.call.transfer(end, size),
      [from, TRANSFER_BYTES]);
    console.log(`${TRANSFER_BYTES} bytes from end ${from} in `
      + `${done.seconds.toFixed(2)} s, SHA-256 ${done.received}`);
    assert.equal(done.received, done.sent);
  }
}

test('a relay-only call carries media and 5 MB of data', async () => {
  const page = await open('call.html');
  await page.evaluate((server) => window.startCall(server, true),
    turn.iceServer);
  const begin = await page.evaluate(() => window.call.report());
  await page.waitForTimeout(CALL_SECONDS * 1000);
  const end = await page.evaluate(() => window.call.report());
  for (const n of [0, 1]) {
    show(n, end[n]);
    assert.equal(end[n].local, 'relay');
    assert.equal(end[n].remote, 'relay');
    const gained = (name) => end[n][name] - (begin[n][name] ?? 0);
    assert.ok(gained('framesDecoded') >= 3 * CALL_SECONDS);
    assert.ok(gained('videoBytes') >= 5000 * CALL_SECONDS);
    assert.ok(gained('audioPackets') >= 30 * CALL_SECONDS);
    assert.ok(gained('audioEnergy') > 0, 'silence');
    assert.ok(end[n].videoLost + end[n].audioLost < 20);
  }
  await transfers(page);
  await page.evaluate(() => window.call.close());
  await page.close();
});

test('the same by the advertised address of a NAT',
  { skip: againstCoturn && 'coturn sends such packets to the network' },
  async () => {
    const behindNat = await startTurn({ advertise: ADVERTISED });
    try {
      const page = await open('call.html');
      await page.evaluate((server) => window.startCall(server, false),
        behindNat.iceServer);
      const found = await page.evaluate(() => window.call.report());
      for (const n of [0, 1]) {
        console.log(`end ${n}: ${found[n].localAddress}`);
        assert.equal(found[n].local, 'relay');
        assert.ok(found[n].localAddress.startsWith(`${ADVERTISED}:`));
      }
      await transfers(page);
      await page.evaluate(() => window.call.close());
      await page.close();
    } finally {
      assert.equal(await behindNat.stop(), 0, behindNat.log());
    }
  });
