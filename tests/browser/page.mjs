// The status page of the running daemon in headless Chromium, as an operator
// uses it: with a mouse, with the keyboard alone, on a phone, in the dark.

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { chromium as playwright } from 'playwright-core';

import { chromium, startPages, startTurn } from './server.mjs';
import { TurnClient } from './turnclient.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const SHOTS = path.resolve(here, '../../build/screenshots');
const WIDE = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 780 };
const TRANSFER_BYTES = 4 * 1024 * 1024;
const CONTRAST_MIN = 4.5;

const HOSTILE = [
  '<img src=x onerror="alert(1)">',
  '</script><script>alert(2)</script>',
  'javascript:alert(3)',
  'أليس مرحبا',
  '👩‍🚀 emoji 🏴',
  'x'.repeat(500),
];
// What nobody can be called, but anybody can send.
const UNKNOWN = '\u202egnp.exe \u0007<svg onload=alert(4)>';

let turn;
let pages;
let browser;

before(async () => {
  assert.ok(chromium, 'no Chromium: set CHROMIUM');
  fs.mkdirSync(SHOTS, { recursive: true });
  turn = await startTurn({ control: true, users: HOSTILE.filter(configured) });
  pages = await startPages();
  browser = await playwright.launch({
    executablePath: chromium,
    args: ['--headless=new', '--no-sandbox', '--disable-gpu',
      '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
});

after(async () => {
  await browser?.close();
  await pages?.stop();
  const how = await turn?.stop();
  if (turn)
    assert.equal(how, 0, `exit status ${how}:\n${turn.log()}`);
});

// A test that failed leaves no session to the next.
afterEach(async () => {
  const { sessions } = await ask('GET', '/v1/sessions');
  for (const { id } of sessions)
    await ask('DELETE', `/v1/sessions/${id}`);
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

async function sessionsOf(user) {
  const { sessions } = await ask('GET', '/v1/sessions');
  return sessions.filter((session) => session.user === user);
}

async function allocated(user, password = 'secret') {
  const client = new TurnClient(turn.port, user, password);
  assert.equal(await client.allocate(), 0, user);
  return client;
}

const rows = (page, table) => page.locator(`#${table}-table tbody tr`);
const rowOf = (page, table, text) => rows(page, table).filter(
  { hasText: text });

// A call between two ends of another page, through the same server.
async function startCall() {
  const page = await browser.newPage();
  await page.goto(`${pages.url}/call.html`);
  await page.evaluate((server) => window.startCall(server, false),
    turn.iceServer);
  return {
    transfer: () => page.evaluate((size) => window.call.transfer(0, size),
      TRANSFER_BYTES),
    async end() {
      await page.evaluate(() => window.call.close());
      await page.close();
    },
  };
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

test('charts move while a call is relayed, and its sessions are listed',
  async () => {
    const page = await openPage();
    const call = await startCall();
    const peak = page.locator('#traffic-chart .legend .peer .quiet');
    await peak.and(page.getByText('bit/s')).waitFor();
    assert.ok(!(await peak.textContent()).includes('Mbit/s'));
    await page.locator('#sessions-chart .legend strong:text-is("2")').waitFor();
    await call.transfer();
    await peak.and(page.getByText('Mbit/s')).waitFor();
    await page.locator('#traffic-chart .legend .client .quiet'
      + ':has-text("Mbit/s")').waitFor();
    const line = await page.getAttribute('#traffic-chart .line.peer', 'd');
    assert.match(line, /^M[\d.]+,[\d.]+L/);
    assert.match(await page.getAttribute('#traffic-chart svg', 'aria-label'),
      /Traffic, last 10 minutes\. To peers: now .*at most [\d.]+ Mbit\/s/);

    const ends = rowOf(page, 'sessions', 'alice');
    assert.equal(await ends.count(), 2);
    for (const session of await sessionsOf('alice'))
      await rowOf(page, 'sessions', session.client).waitFor();
    await shot(page, 'light', { fullPage: true });
    await page.emulateMedia({ colorScheme: 'dark' });
    await shot(page, 'dark', { fullPage: true });

    await page.check('[name=unit][value=packets]');
    await page.locator('#traffic-chart .legend .peerPackets').waitFor();
    await page.focus('#traffic-chart svg');
    await page.keyboard.press('ArrowLeft');
    assert.match(await page.textContent('#traffic-chart .reading'),
      /^\d\d:\d\d:\d\d: To peers [\d.,]+\/s, To clients/);
    await call.end();
    await page.locator('#sessions-table.none').waitFor({ state: 'attached' });
    await closePage(page);
  });

test('a session is ended by its button, after a question that names it',
  async () => {
    const page = await openPage();
    const [one, two] = [await allocated('alice'), await allocated('alice')];
    const row = rowOf(page, 'sessions', one.address);
    await row.waitFor();
    await row.getByRole('button', { name: /alice.*End|End.*alice/ }).click();
    const dialog = page.getByRole('dialog', { name: 'End this session?' });
    assert.match(await dialog.textContent(), /alice/);
    assert.ok((await dialog.textContent()).includes(one.address));
    assert.equal(await page.evaluate(() => document.activeElement.id),
      'end-cancel');
    await shot(page, 'dialog');
    await dialog.getByRole('button', { name: 'Let it live' }).click();
    assert.equal(await one.lives(), true);

    await row.getByRole('button').click();
    await dialog.getByRole('button', { name: 'End session' }).click();
    await row.waitFor({ state: 'detached' });
    assert.match(await page.textContent('#announcement'), /alice ended/);
    assert.equal(await one.lives(), false);
    assert.equal(await two.lives(), true);
    assert.match(turn.log(), new RegExp(`client=${one.address} .*killed`));
    await two.leave();
    one.close();
    await closePage(page);
  });

test('one that is gone meanwhile is said to be', async () => {
  const page = await openPage();
  const client = await allocated('alice');
  await rowOf(page, 'sessions', client.address).getByRole('button').click();
  await client.leave();
  await page.click('#end-do');
  await page.locator('#announcement:has-text("had already ended")').waitFor();
  await closePage(page);
});

test('many sessions: pages, search, order, and the focus stays', async () => {
  const clients = await Promise.all(Array.from({ length: 40 },
    () => allocated('alice')));
  const page = await openPage();
  const some = rows(page, 'sessions');
  await page.locator('#sessions-count:has-text("40 living")').waitFor();
  assert.equal(await some.count(), 15);
  await page.getByRole('navigation', { name: 'Pages: Sessions' })
    .getByRole('button', { name: 'Next' }).click();
  await page.locator('#sessions .pager:has-text("16–30 of 40")').waitFor();

  const wanted = clients[7].address;
  await page.fill('#sessions-search', wanted);
  await page.locator('#sessions-count:has-text("1 found")').waitFor();
  assert.equal(await some.count(), 1);
  await page.fill('#sessions-search', 'nobody');
  await page.locator('#sessions .empty:text-is("Nothing matches.")').waitFor();
  await page.fill('#sessions-search', '');

  const head = page.locator('#sessions').getByRole('columnheader',
    { name: 'Client', exact: true });
  await head.getByRole('button').click();
  assert.equal(await head.getAttribute('aria-sort'), 'ascending');
  const listed = await some.locator('td:nth-child(2)').allTextContents();
  assert.deepEqual(listed, clients.map(({ address }) => address)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).slice(0, 15));
  await head.getByRole('button').click();
  assert.equal(await head.getAttribute('aria-sort'), 'descending');

  const button = some.nth(4).getByRole('button');
  await button.focus();
  const name = await button.getAttribute('aria-label');
  await page.waitForResponse((answer) => answer.url().includes('/v1/sessions'));
  await page.waitForResponse((answer) => answer.url().includes('/v1/sessions'));
  assert.equal(await page.evaluate(() => document.activeElement.ariaLabel),
    name);
  await Promise.all(clients.map((client) => client.leave()));
  await closePage(page);
});

test('refusals are shown in words, and filtered', async () => {
  const page = await openPage();
  const client = new TurnClient(turn.port, 'alice', 'wrong');
  assert.equal(await client.allocate(), 401);
  const row = rowOf(page, 'refusals', client.address);
  await row.waitFor();
  const text = await row.textContent();
  assert.match(text, /alice/);
  assert.match(text, /401/);
  assert.match(text, /password/i);
  assert.ok((await row.locator('.remedy').textContent()).length > 10);
  await page.fill('#refusals-search', 'nobody-at-all');
  await row.waitFor({ state: 'detached' });
  await page.fill('#refusals-search', client.address);
  await row.waitFor();
  await page.locator('#refusals').screenshot(
    { path: path.join(SHOTS, 'refusals.png') });
  client.close();
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

test('drops are told by reason', async () => {
  const page = await openPage();
  const stranger = dgram.createSocket('udp4');
  for (let i = 0; i < 3; i++)
    stranger.send('\xff\xff neither STUN nor ChannelData', turn.port,
      '127.0.0.1');
  const drops = page.locator('#drops');
  await drops.getByText('3 neither STUN nor channel data').waitFor();
  await drops.getByText(/^\d+ packets dropped since the start$/).waitFor();
  stranger.close();
  await closePage(page);
});

test('the usage table sums up what each user has used', async () => {
  const call = await startCall();
  await call.transfer();
  await call.end();
  const page = await openPage();
  const row = rowOf(page, 'usage', 'alice');
  await row.filter({ hasText: /[\d.]+ MB/ }).waitFor();
  const { users } = await ask('GET', '/v1/usage?user=alice');
  assert.equal(await row.locator('td').nth(1).textContent(),
    String(users[0].sessions));
  assert.match(await page.textContent('#usage-count'), /^since /);
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

test('hostile names are text and nothing else', async () => {
  const names = HOSTILE.filter(configured);
  const clients = [];
  for (const name of names)
    clients.push(await allocated(name));
  const stranger = new TurnClient(turn.port, UNKNOWN, 'x');
  assert.equal(await stranger.allocate(), 401);

  const page = await openPage();
  for (const name of names)
    for (const table of ['sessions', 'usage'])
      await rows(page, table).locator('bdi.name')
        .and(page.getByText(name, { exact: true })).first().waitFor();
  await rows(page, 'refusals').getByText('<svg onload=alert(4)>').waitFor();
  assert.ok(!(await page.textContent('#refusals')).includes('\u202e'));
  assert.equal(await page.locator('main img, main svg:not([role=img]), '
    + 'main script').count(), 0);
  const long = rowOf(page, 'sessions', 'xxxxx');
  await long.getByRole('button').click();
  await page.locator('#end-name:has-text("xxxxx")').waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth
    <= innerWidth));
  await page.keyboard.press('Escape');
  await page.setViewportSize(PHONE);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth
    <= innerWidth));
  await shot(page, 'hostile-names', { fullPage: true });
  await Promise.all(clients.map((client) => client.leave()));
  stranger.close();
  await closePage(page);
});

// --- keyboard, contrast, narrow windows, screen readers ---

const focused = (page) => page.evaluate(() => {
  const at = document.activeElement;
  const style = getComputedStyle(at.matches('.choice input')
    ? at.nextElementSibling : at);
  const box = at.getBoundingClientRect();
  return {
    id: at.id, tag: at.tagName, text: at.textContent.trim().slice(0, 40),
    label: at.ariaLabel, section: at.closest('section')?.id,
    outline: style.outlineStyle !== 'none' && style.outlineWidth !== '0px',
    seen: box.width > 0 && box.height > 0 && box.bottom > 0
      && box.top < innerHeight,
  };
});

test('all of it works by keyboard alone', async () => {
  const client = await allocated('alice');
  const page = await openPage({ reducedMotion: 'reduce' });
  await rowOf(page, 'sessions', client.address).waitFor();
  const stops = [];
  for (let i = 0; i < 80; i++) {
    await page.keyboard.press('Tab');
    const stop = await focused(page);
    if (stop.tag === 'BODY')
      break;
    assert.ok(stop.outline, `no visible focus: ${JSON.stringify(stop)}`);
    assert.ok(stop.seen, `out of sight: ${JSON.stringify(stop)}`);
    stops.push(stop);
  }
  assert.equal(stops[0].text, 'Skip to the content');
  const order = stops.map(({ section }) => section).filter(Boolean);
  assert.deepEqual([...new Set(order)], ['traffic', 'test', 'sessions',
    'refusals', 'usage'].filter((id) => order.includes(id)));
  for (const id of ['test-run', 'sessions-search', 'refusals-search'])
    assert.ok(stops.some((stop) => stop.id === id), id);

  const end = stops.find(({ label }) => label?.startsWith('End the session'));
  assert.ok(end, 'no stop ends a session');
  await page.focus('#sessions-search');
  while (!(await focused(page)).label?.startsWith('End the session'))
    await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  assert.equal((await focused(page)).label, end.label);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.equal((await focused(page)).id, 'end-do');
  await page.keyboard.press('Enter');
  await rowOf(page, 'sessions', client.address).waitFor({ state: 'detached' });
  assert.notEqual((await focused(page)).tag, 'BODY');
  assert.equal(await client.lives(), false);
  client.close();
  await closePage(page);
});

// The least contrast of any text to what is behind it.
function worstContrast() {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d',
    { willReadFrequently: true });
  const over = (colors) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const color of colors) {
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((n) => n / 255).map((n) => (n <= 0.04045
      ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let worst = { ratio: 21 };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim();
    const element = walk.currentNode.parentElement;
    if (!text || !element.checkVisibility() || element.closest('.unseen')
        || element.closest(':disabled'))
      continue;
    const grounds = [];
    for (let at = element; at; at = at.parentElement)
      grounds.unshift(getComputedStyle(at).backgroundColor);
    const style = getComputedStyle(element);
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [over(['white', ...grounds, ink]),
      over(['white', ...grounds])].map(light);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst.ratio)
      worst = { ratio, text: text.slice(0, 40), ink, grounds };
  }
  return worst;
}

for (const colorScheme of ['light', 'dark'])
  test(`texts stand out, and axe finds nothing (${colorScheme})`, async () => {
    const client = await allocated('alice');
    const page = await openPage({ colorScheme });
    await rowOf(page, 'sessions', client.address).waitFor();
    await page.click('summary');
    await page.click('#test-run');
    await page.locator('#test-result .notice').waitFor();
    const worst = await page.evaluate(worstContrast);
    console.log(`least contrast (${colorScheme}): ${worst.ratio.toFixed(2)} `
      + `"${worst.text}"`);
    assert.ok(worst.ratio >= CONTRAST_MIN, JSON.stringify(worst));
    await page.evaluate(fs.readFileSync(AXE, 'utf8'));
    const { violations } = await page.evaluate(() => window.axe.run());
    assert.deepEqual(violations.map(({ id, nodes }) =>
      [id, nodes.map(({ html, failureSummary }) => [html, failureSummary])]),
    []);
    await client.leave();
    await closePage(page);
  });

// Whatever reaches beyond the right edge.
const tooWide = (page) => page.evaluate(() => [
  document.documentElement.scrollWidth - innerWidth,
  ...[...document.querySelectorAll('body *')].filter((element) =>
    element.getBoundingClientRect().right > innerWidth + 0.5
      && !element.closest('.unseen')).map(({ outerHTML }) => outerHTML)]);

test('no width needs scrolling sideways', async () => {
  const client = await allocated('alice');
  const page = await openPage({ viewport: PHONE, deviceScaleFactor: 2,
    hasTouch: true, isMobile: true });
  await rowOf(page, 'sessions', client.address).waitFor();
  await page.tap('#test-run');
  await page.locator('#test-result .notice').waitFor();
  assert.deepEqual(await tooWide(page), [0]);
  await shot(page, 'phone', { fullPage: true });
  await closePage(page);

  const wide = await openPage();
  await rowOf(wide, 'sessions', client.address).waitFor();
  await wide.click('summary');
  for (const width of [320, 480, 735, 740, 927, 930, 961, 1024, 1920]) {
    await wide.setViewportSize({ width, height: 900 });
    assert.deepEqual(await tooWide(wide), [0], `${width} pixels`);
  }
  await client.leave();
  await closePage(wide);
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

test('the server passes its test by a credential made for it', async () => {
  const page = await openPage();
  await page.click('#test-run');
  await assertPassed(page);
  const candidates = page.locator('.found tbody tr');
  assert.ok(await candidates.count() >= 2);
  assert.match(await candidates.first().textContent(),
    /relay udp127\.0\.0\.1:6\d{4}/);
  assert.match(await page.textContent('#announcement'), /relays through/);
  await page.locator('#test').screenshot(
    { path: path.join(SHOTS, 'test-passed.png') });
  // Nothing of it stays.
  await page.waitForFunction(async () => document
    .querySelector('#sessions-table').classList.contains('none'));
  await closePage(page);
});

test('more is sent where there is a secret to make credentials of',
  async () => {
    const other = await startTurn({ control: true, secret: 'of-the-page' });
    const page = await newPage();
    try {
      page.removeAllListeners('request');
      await page.goto(
        `${other.control.url}/#token=${other.control.token}`);
      await page.locator('#state:has-text("Serving")').waitFor();
      await page.click('#test-run');
      await assertPassed(page);
      // More than a credential of 100 packets could send.
      const [, size, unit] = /over ([\d.]+) ([kM])B$/.exec(
        await step(page, 4).textContent());
      assert.ok(unit === 'M' || Number(size) > 100, `${size} ${unit}B`);
      await closePage(page);
    } finally {
      assert.equal(await other.stop(), 0, other.log());
    }
  });

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

test('a drain is told', async () => {
  const page = await openPage();
  await fetch(`${turn.control.url}/v1/drain`, {
    method: 'POST', body: '{}', headers: {
      Authorization: `Bearer ${turn.control.token}`,
      'Content-Type': 'application/json',
    },
  });
  await page.locator('#state:has-text("Draining")').waitFor();
  await page.locator('#notices:has-text("no new sessions")').waitFor();
  await shot(page, 'draining');

  await page.click('#test-run');
  await page.locator('#test-result .notice').waitFor();
  assert.match(await step(page, 1).textContent(),
    /Failed: .*508: The server has no room .*It drains/);
  await ask('DELETE', '/v1/drain');
  await page.locator('#state:has-text("Serving")').waitFor();
  await page.locator('#notices:empty').waitFor({ state: 'attached' });
  await closePage(page);
});
