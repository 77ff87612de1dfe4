// "Test this server": runs icetest.js and shows what happens.

import { post } from './api.js';
import { $, announce, el, setText, visible } from './dom.js';
import { bits, bytes, ms } from './format.js';
import { testServer } from './icetest.js';

const LONG_S = 120;

const STEPS = [
  ['gather', 'Relay candidate'],
  ['connect', 'Connection by relay alone'],
  ['round trip', 'Round trip'],
  ['throughput', 'Throughput'],
];
const STATES = { wait: 'Waiting', run: 'Running', ok: 'Passed',
  bad: 'Failed', skip: 'Not tried' };

// The rows of one server's steps.
class Steps {
  constructor(url) {
    this.items = new Map(STEPS.map(([id, title]) => {
      const state = el('span', { class: 'unseen' });
      const text = el('span', { class: 'value' });
      const remedy = el('small');
      const item = el('li', {}, state, el('span', {}, title), text, remedy);
      return [id, { item, state, text, remedy }];
    }));
    this.element = el('section', { class: 'run' },
      el('h3', {}, visible(url)),
      el('ol', { class: 'steps' },
        ...[...this.items.values()].map(({ item }) => item)));
    for (const [id] of STEPS)
      this.set(id, 'wait');
  }

  set(id, state, text = '') {
    const row = this.items.get(id);
    row.item.dataset.kind = state;
    setText(row.state, `${STATES[state]}: `);
    setText(row.text, text);
  }

  begin(id) {
    this.current = id;
    this.set(id, 'run', '…');
  }

  passed(result) {
    const { roundTripMs: trip } = result;
    this.set('gather', 'ok', `after ${ms(result.candidateMs)}`);
    this.set('connect', 'ok', `in ${ms(result.connectMs)}`);
    this.set('round trip', 'ok', `${ms(trip.median)} (median of ${trip.count
    }; ${ms(trip.min)} to ${ms(trip.max)})`);
    if (result.bytes)
      this.set('throughput', 'ok', `${bits(result.bitsPerS)} over ${
        bytes(result.bytes)}`);
    else
      this.set('throughput', 'skip', 'the test’s packets are used up');
  }

  failed(error) {
    const ids = STEPS.map(([id]) => id);
    const at = Math.max(0, ids.indexOf(this.current));
    const code = Number(error.code) ? `${error.code}: ` : '';
    ids.forEach((id, n) => {
      if (n < at)
        this.set(id, 'ok');
      else
        this.set(id, n === at ? 'bad' : 'skip',
          n === at ? code + error.message : '');
    });
    setText(this.items.get(ids[at]).remedy, error.remedy ?? '');
  }
}

const HEADS = ['Time', 'End', 'Type', 'Address', 'Related address', 'Priority'];

// The candidates of all runs.
class Candidates {
  constructor() {
    this.body = el('tbody', { role: 'rowgroup' });
    this.element = el('div', { class: 'found', hidden: true },
      el('h3', {}, 'Candidates'),
      el('table', { role: 'table' },
        el('caption', { class: 'unseen' }, 'Candidates'),
        el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' },
          ...HEADS.map((text) => el('th', { scope: 'col',
            role: 'columnheader' }, text)))), this.body));
  }

  row(values) {
    this.element.hidden = false;
    this.body.append(el('tr', { role: 'row' }, ...values.map((text, n) =>
      el('td', { role: 'cell', 'data-label': HEADS[n] }, text))));
  }

  add({ ms: time, end, candidate }) {
    const { type, protocol, address, port, relatedAddress, relatedPort,
      priority } = candidate;
    this.row([ms(time), String(end), `${type} ${protocol}`,
      `${address}:${port}`,
      relatedPort ? `${relatedAddress}:${relatedPort}` : 'hidden',
      `${priority >>> 24} | ${(priority >>> 8) & 0xffff} | ${
        256 - (priority & 0xff)}`]);
  }
}

// What went wrong on the way and did not stop the test.
class Problems {
  constructor() {
    this.list = el('ul', { class: 'health' });
    this.element = el('div', { class: 'found', hidden: true },
      el('h3', {}, 'Errors on the way'), this.list);
  }

  add({ code, text, remedy }) {
    this.element.hidden = false;
    this.list.append(el('li', { 'data-kind': 'warn' },
      el('span', { class: 'code' }, String(code)), ` ${visible(text)}`,
      el('small', {}, remedy)));
  }
}

function verdict(kind, text) {
  announce(text);
  return el('p', { class: 'notice', 'data-kind': kind }, text);
}

// Runs the test by each URL; `mint(url)` resolves to { server, packets } when
// its turn has come.
async function run(urls, mint) {
  const candidates = new Candidates();
  const problems = new Problems();
  const head = el('div');
  const runs = el('div', { class: 'runs' });
  $('test-result').replaceChildren(head, runs, candidates.element,
    problems.element);
  const failures = [];
  for (const url of urls) {
    const steps = new Steps(url);
    const met = [];
    runs.append(steps.element);
    steps.begin('gather');
    try {
      const { server, packets } = await mint(url);
      steps.passed(await testServer(server, packets, {
        candidate: (found) => candidates.add(found),
        problem: (found) => met.push(found),
        step: (id) => steps.begin(id),
      }));
      met.forEach((problem) => problems.add(problem));
    } catch (error) {
      steps.failed(error);
      failures.push(error);
    }
  }
  head.append(judge(urls.length, failures));
}

function judge(tried, failures) {
  if (!failures.length)
    return verdict('ok', 'This browser relays through the server');
  if (failures.length < tried)
    return verdict('bad',
      `${failures.length} of ${tried} ways through the server failed`);
  return verdict('bad', 'This browser cannot relay through the server: '
    + failures[0].message);
}

const iceServer = (url, { username, password }) => ({ urls: url, username,
  credential: password });

// A time-limited credential may send as much as it likes; where there is no
// secret to make one of, the self-test's has few packets.
async function mintFor(url, secrets) {
  if (secrets) {
    try {
      return { packets: 0, server: iceServer(url, await post('/v1/credentials',
        { user: 'status-page', lifetime_s: LONG_S })) };
    } catch (error) {
      if (error.code !== 'no_secret')
        throw error;
    }
  }
  const minted = await post('/v1/self-test');
  return { packets: minted.packets, server: iceServer(url, minted) };
}

async function whileRunning(work) {
  const buttons = [...$('test').querySelectorAll('button')];
  const focused = document.activeElement;
  buttons.forEach((button) => { button.disabled = true; });
  $('test-result').setAttribute('aria-busy', 'true');
  try {
    await work();
  } catch (error) {
    $('test-result').replaceChildren(verdict('bad', error.message),
      el('p', {}, error.remedy ?? ''));
  } finally {
    $('test-result').removeAttribute('aria-busy');
    buttons.forEach((button) => { button.disabled = false; });
    if (document.activeElement === document.body)
      focused?.focus({ preventScroll: true });
  }
}

// `secrets()`: how many secrets of time-limited credentials are in force.
export function startTest(secrets) {
  $('test-run').addEventListener('click', () => whileRunning(async () => {
    const { urls } = await post('/v1/self-test');
    await run(urls, (url) => mintFor(url, secrets()));
  }));
  $('test-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const url = $('test-url').value.trim();
    const server = iceServer(url, { username: $('test-user').value,
      password: $('test-password').value });
    whileRunning(() => run([url], async () => ({ server, packets: 0 })));
  });
}
