// The status page of the running daemon in headless Chromium, as an operator
// uses it: with a mouse, with the keyboard alone, on a phone, in the dark.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { chromium as playwright } from 'playwright-core';

import { chromium, startTurn } from './server.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const SHOTS = path.resolve(here, '../../build/screenshots');
const WIDE = { width: 1280, height: 900 };

const HOSTILE = [
  '<img src=x onerror="alert(1)">',
  '</script><script>alert(2)</script>',
  'javascript:alert(3)',
  'أليس مرحبا',
  '👩‍🚀 emoji 🏴',
  'x'.repeat(500),
];

let turn;
let browser;

before(async () => {
  assert.ok(chromium, 'no Chromium: set CHROMIUM');
  fs.mkdirSync(SHOTS, { recursive: true });
  turn = await startTurn({ control: true, users: HOSTILE.filter(configured) });
  browser = await playwright.launch({
    executablePath: chromium,
    args: ['--headless=new', '--no-sandbox', '--disable-gpu',
      '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
});

after(async () => {
  await browser?.close();
  const how = await turn?.stop();
  if (turn)
    assert.equal(how, 0, `exit status ${how}:\n${turn.log()}`);
});

// The joiner of emoji is not allowed in the names of RFC 8265.
function configured(name) {
  return !name.includes('\u200d');
}

// A page that notes whatever must not happen.
async function newPage(options = {}) {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  const page = await context.newPage();
  page.wrongs = [];
  page.on('pageerror', (error) => page.wrongs.push(String(error.stack)));
  page.on('dialog', (dialog) => {
    page.wrongs.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(`${turn.control.url}/`))
      page.wrongs.push(`request: ${request.url()}`);
  });
  await page.exposeFunction('noteWrong', (text) => page.wrongs.push(text));
  await page.addInitScript(() => addEventListener('securitypolicyviolation',
    (event) => window.noteWrong(`policy: ${event.violatedDirective} ${
      event.blockedURI} ${event.sourceFile}`)));
  return page;
}

async function openPage(options) {
  const page = await newPage(options);
  await page.goto(`${turn.control.url}/#token=${turn.control.token}`);
  await page.locator('#state:has-text("Serving")').waitFor();
  await page.locator('#usage-count:not(:empty)').waitFor();
  return page;
}

async function closePage(page) {
  assert.deepEqual(page.wrongs, []);
  await page.context().close();
}

const shot = (page, name, options = {}) => page.screenshot(
  { path: path.join(SHOTS, `${name}.png`), animations: 'disabled', ...options });

async function ask(method, where) {
  const answer = await fetch(`${turn.control.url}${where}`, {
    method, headers: { Authorization: `Bearer ${turn.control.token}` },
  });
  return answer.status === 204 ? undefined : answer.json();
}

test('without a token the page asks for it, and says how to get one',
  async () => {
    const page = await newPage();
    await page.goto(turn.control.url);
    await page.locator('#enter').waitFor();
    assert.equal(await page.locator('#app').isVisible(), false);
    assert.match(await page.textContent('#enter'), /turnpikectl open/);
    assert.equal(await page.evaluate(() => document.activeElement.id),
      'token');
    await shot(page, 'token');

    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    await page.locator('#enter-error:has-text("does not accept")').waitFor();
    assert.equal(await page.locator('#app').isVisible(), false);

    await page.fill('#token', 'sésame');
    await page.keyboard.press('Enter');
    await page.locator('#enter-error:has-text("not a token")').waitFor();

    await page.fill('#token', turn.control.token);
    await page.keyboard.press('Enter');
    await page.locator('#state:has-text("Serving")').waitFor();
    assert.equal(await page.locator('#enter').isVisible(), false);
    await closePage(page);
  });

test('the token leaves the address bar and stays in the tab', async () => {
  const page = await openPage();
  assert.equal(page.url(), `${turn.control.url}/`);
  assert.equal(await page.evaluate(() => history.length), 2);
  await page.reload();
  await page.locator('#state:has-text("Serving")').waitFor();
  const other = await page.context().newPage();
  await other.goto(turn.control.url);
  await other.locator('#enter').waitFor();
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  assert.equal((await page.context().cookies()).length, 0);
  await closePage(page);
});

test('the head and the facts are what the API says', async () => {
  const page = await openPage();
  const server = await ask('GET', '/v1/server');
  assert.equal(await page.textContent('#version'), server.version);
  const facts = await page.textContent('#facts');
  assert.ok(facts.includes(`127.0.0.1:${turn.port}`));
  assert.ok(facts.includes('example.org'));
  assert.ok(facts.includes(
    `ports ${server.relay.first_port} to ${server.relay.last_port}`));
  assert.match(await page.textContent('#health-list'), /Ready/);
  await closePage(page);
});






test('numbers and names are written as people read them', async () => {
  const page = await newPage();
  await page.goto(turn.control.url);
  const written = await page.evaluate(async () => {
    const { bits, bytes, ms, packets, span } = await import('/page/format.js');
    const { visible } = await import('/page/dom.js');
    return [bytes(0), bytes(999), bytes(1000), bytes(12345), bytes(999999),
      bytes(123456789), bytes(2e18), bits(0), bits(1500000), packets(0),
      packets(0.5), packets(12345), ms(0.04), ms(12.3), ms(1234), span(0),
      span(59.7), span(3600), span(3661), span(90061), span(86405),
      visible('a\u202eb\u0000\n'), visible('👩\u200d🚀'),
      visible('ali\u200dce'), visible('\u2066x\ufeff')];
  });
  assert.deepEqual(written, ['0 B', '999 B', '1 kB', '12.3 kB', '1 MB',
    '123 MB', '2,000 PB', '0 bit/s', '1.5 Mbit/s', '0/s', '0.5/s', '12,345/s',
    '0.0 ms', '12 ms', '1.2 s', '0 s', '1 min', '1 h', '1 h 1 min', '1 d 1 h',
    '1 d', 'a\\u{202e}b\\u{0}\\u{a}', '👩\u200d🚀', 'ali\\u{200d}ce',
    '\\u{2066}x\\u{feff}']);
  await closePage(page);
});

test('what cannot be read says so in its place', async () => {
  const page = await newPage();
  await page.route('**/v1/usage*', (route) => route.fulfill({ status: 500,
    json: { error: { code: 'memory', message: 'There is no memory.' } } }));
  await page.goto(`${turn.control.url}/#token=${turn.control.token}`);
  await page.locator('#usage-count:has-text("There is no memory.")').waitFor();
  await page.locator('#state:has-text("Serving")').waitFor();
  await closePage(page);
});


// --- the test of the server ---

const step = (page, n) => page.locator(`.steps li:nth-child(${n})`);

async function assertPassed(page) {
  await page.locator('#test-result .notice').waitFor();
  assert.equal(await page.getAttribute('#test-result .notice', 'data-kind'),
    'ok', await page.textContent('#test-result'));
  for (const n of [1, 2, 3, 4]) {
    console.log(await step(page, n).textContent());
    assert.equal(await step(page, n).getAttribute('data-kind'), 'ok');
  }
  assert.match(await step(page, 1).textContent(), /after [\d.]+ m?s$/);
  assert.match(await step(page, 3).textContent(),
    /[\d.]+ m?s \(median of \d+;/);
  assert.match(await step(page, 4).textContent(), /bit\/s over/);
}



async function testAs(page, url, user, password) {
  if (!(await page.locator('#test-url').isVisible()))
    await page.click('summary');
  await page.fill('#test-url', url);
  await page.fill('#test-user', user);
  await page.fill('#test-password', password);
  await page.click('#test-form button');
  await page.locator('#test-result .notice').waitFor({ timeout: 60000 });
}

test('the test as a user passes, or says that the password is wrong',
  async () => {
    const page = await openPage();
    await testAs(page, turn.uri, 'alice', 'secret');
    await assertPassed(page);
    await testAs(page, turn.uri, 'alice', 'wrong');
    assert.equal(await page.getAttribute('#test-result .notice', 'data-kind'),
      'bad');
    assert.match(await step(page, 1).textContent(),
      /Failed: .*401: The server does not accept this user and password/);
    assert.match(await step(page, 1).locator('small').textContent(),
      /refusals/);
    assert.match(await step(page, 2).textContent(), /Not tried/);
    await page.locator('#test').screenshot(
      { path: path.join(SHOTS, 'test-failed.png') });
    await closePage(page);
  });

test('where nothing answers, the test names the port and the firewall',
  async () => {
    const gone = await startTurn();
    await gone.stop();
    const page = await openPage();
    await testAs(page, gone.uri, 'alice', 'secret');
    const text = await page.textContent('.run');
    assert.match(text, /Nothing answers this browser at 127\.0\.0\.1:\d+/);
    assert.ok(text.includes(`UDP port ${gone.port} does not reach the server`));
    assert.match(text, /firewall/);
    await testAs(page, 'no-turn-url', 'alice', 'secret');
    assert.equal(await page.getAttribute('#test-result .notice', 'data-kind'),
      'bad');
    await closePage(page);
  });

test('a server that goes away is missed, and found again', async () => {
  const page = await openPage();
  await page.context().setOffline(true);
  await page.locator('#state:has-text("No answer")').waitFor();
  await page.locator('#app.stale').waitFor();
  assert.match(await page.textContent('#announcement'), /does not answer/);
  await page.context().setOffline(false);
  await page.locator('#state:has-text("Serving")').waitFor();
  await page.locator('#app:not(.stale)').waitFor();
  await closePage(page);
});
