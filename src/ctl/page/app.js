// Lets in who has the token, then reads the API again and again.

import { get, token } from './api.js';
import { Chart, WINDOW_MS } from './charts.js';
import { $, setText } from './dom.js';
import { bits, clock, count, packets } from './format.js';
import { readRefusals, startRefusals } from './refusals.js';
import * as view from './server.js';
import { readSessions, startSessions } from './sessions.js';
import { startTest } from './test.js';
import { readUsage, startUsage } from './usage.js';

const SAMPLE_MS = 2000;
const SESSIONS_MS = 3000;
const REFUSALS_MS = 5000;
const METRICS_MS = 10000;
const USAGE_MS = 15000;
const KEPT = 'turnpike-samples';

let server;
let drops = {};
let charts;
let running = 0; // changes when the reading must stop
let samples = [];

// --- samples of the charts ---

const COUNTERS = ['to_peer_bytes', 'to_peer_packets', 'to_client_bytes',
  'to_client_packets'];

// The rates since the reading before; none where the server began anew.
function addSample(before, now) {
  const last = samples.at(-1);
  if (last?.started !== now.server.started)
    samples = [];
  samples = samples.filter(({ time }) => time > now.time - WINDOW_MS - 5000);
  const s = (now.time - before?.time) / 1000;
  if (!(s > 0.2) || before.server.started !== now.server.started)
    return;
  const [peerBytes, peerPackets, clientBytes, clientPackets] = COUNTERS.map(
    (name) => Math.max(0, now.server.traffic[name]
      - before.server.traffic[name]) / s);
  samples.push({
    time: now.time,
    started: now.server.started,
    peer: peerBytes * 8,
    client: clientBytes * 8,
    peerPackets,
    clientPackets,
    living: now.server.allocations.living,
    kernel: now.server.traffic.kernel_drops,
  });
}

const recentKernelDrops = () => (samples.length
  ? samples.at(-1).kernel - samples[0].kernel : 0);

const SERIES = {
  bits: [{ id: 'peer', label: 'To peers' }, { id: 'client',
    label: 'To clients' }],
  packets: [{ id: 'peerPackets', label: 'To peers' },
    { id: 'clientPackets', label: 'To clients' }],
};

function trafficChart() {
  const unit = document.querySelector('[name=unit]:checked').value;
  $('traffic-chart').replaceChildren();
  return new Chart($('traffic-chart'), {
    series: SERIES[unit],
    label: 'Traffic',
    ...(unit === 'bits' ? { min: 1000, format: bits }
      : { min: 10, format: packets }),
  });
}

function startCharts() {
  charts = {
    traffic: trafficChart(),
    living: new Chart($('sessions-chart'), {
      series: [{ id: 'living', label: 'Sessions' }], min: 4, format: count,
      label: 'Living sessions',
    }),
  };
  for (const radio of document.querySelectorAll('[name=unit]'))
    radio.addEventListener('change', () => {
      charts.traffic = trafficChart();
      drawCharts();
    });
}

function drawCharts() {
  charts.traffic.show(samples, Date.now());
  charts.living.show(samples, Date.now());
}

// --- reading ---

let last;

async function readServer() {
  server = await get('/v1/server');
  const now = { time: Date.now(), server };
  addSample(last, now);
  last = now;
  view.showState(server);
  view.showNotices(server);
  view.showFacts(server);
  view.showDrops(server, drops);
  view.showHealth(server, recentKernelDrops());
  drawCharts();
  setText($('updated'), `Read at ${clock(now.time)}`);
  $('app').classList.remove('stale');
}

// Without them, the page says how many packets were dropped, but not why.
async function readMetrics() {
  const answer = await fetch('/metrics', { cache: 'no-store' })
    .catch(() => undefined);
  if (answer?.ok)
    drops = view.dropsOf(await answer.text());
}

// Calls `task` every so often until the reading stops; what it returns
// stretches the time to the next. What is read to be looked at only waits
// while nobody looks. `place` is told what went wrong.
async function every(ms, task, round, place) {
  while (round === running) {
    let stretch = 1;
    if (!place || !document.hidden) {
      try {
        stretch = await task() ?? 1;
      } catch (error) {
        if (round === running)
          failed(error, place);
      }
    }
    await new Promise((resolve) => { setTimeout(resolve, ms * stretch); });
  }
}

function failed(error, place) {
  if (error.status === 401) {
    token.forget();
    ask('The server does not accept this token. It changes when its file is '
      + 'made anew: turnpikectl open prints the one in force.');
    return;
  }
  if (error.status === 0) {
    $('app').classList.add('stale');
    view.showLost(error);
    return;
  }
  console.error(error);
  if (place)
    setText($(place), `cannot be read: ${error.message}`);
}

function read() {
  const round = ++running;
  $('enter').hidden = true;
  $('app').hidden = false;
  $('sections').hidden = false;
  every(SAMPLE_MS, readServer, round);
  every(METRICS_MS, readMetrics, round);
  every(SESSIONS_MS, readSessions, round, 'sessions-count');
  every(REFUSALS_MS, readRefusals, round, 'refusals-count');
  every(USAGE_MS, readUsage, round, 'usage-count');
}

// --- coming and going ---

function ask(why) {
  running++;
  $('app').hidden = true;
  $('sections').hidden = true;
  $('enter').hidden = false;
  setText($('enter-error'), why);
  setText($('state'), 'Not connected');
  $('state').dataset.kind = 'none';
  $('token').value = '';
  $('token').focus();
}

function keepSamples() {
  sessionStorage.setItem(KEPT, JSON.stringify(samples));
}

function start() {
  samples = JSON.parse(sessionStorage.getItem(KEPT) ?? '[]');
  startCharts();
  startSessions();
  startRefusals();
  startUsage();
  startTest(() => server?.secrets ?? 0);
  $('enter-form').addEventListener('submit', (event) => {
    event.preventDefault();
    if (token.set($('token').value.trim().replace(/^.*#token=/, '')))
      read();
    else
      ask('That is not a token: it has none but visible ASCII characters.');
  });
  addEventListener('pagehide', keepSamples);
  addEventListener('hashchange', () => {
    if (token.take())
      read();
  });
  token.take();
  if (token.get())
    read();
  else
    ask('');
}

start();
