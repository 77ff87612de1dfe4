// The sessions table, and ending one.

import { get, remove } from './api.js';
import { $, announce, el, name, setText, visible } from './dom.js';
import { ago, bits, bytes, count, many, moment } from './format.js';
import { Table } from './table.js';

const FEW = 1000;
const MOST = 10000;

const SOURCES = {
  config: 'turnpike.conf', file: 'users file', 'time-limited': 'time-limited',
  redis: 'Redis', 'self-test': 'self-test',
};

// Bits per second since the last reading, of sessions by id.
let before = new Map();
let rates = new Map();

const allBytes = ({ to_peer: peer, to_client: client }) =>
  peer.bytes + client.bytes;
const rate = ({ id }) => rates.get(id);

function reckonRates(sessions) {
  const now = performance.now();
  const next = new Map();
  rates = new Map();
  for (const session of sessions) {
    const all = allBytes(session);
    const last = before.get(session.id);
    if (last && all >= last.all)
      rates.set(session.id, (all - last.all) * 8000 / (now - last.time));
    next.set(session.id, { all, time: now });
  }
  before = next;
}

const nameCell = ({ user, realm, source }) => el('div', {}, name(user),
  el('small', {}, SOURCES[source] ?? source, ' · ', el('bdi', {},
    visible(realm))));

function endCell(session, current) {
  const button = el('button', { type: 'button', class: 'end',
    'aria-label': `End the session of ${visible(session.user)}, client ${
      session.client}` }, 'End');
  button.addEventListener('click', () => askToEnd(current()));
  return button;
}

const columns = [
  { id: 'user', label: 'User', make: nameCell, value: ({ user }) => user },
  { id: 'client', label: 'Client', kind: 'address',
    text: ({ client }) => client, value: ({ client }) => client },
  { id: 'relayed', label: 'Relayed at', kind: 'address',
    text: ({ relayed }) => relayed },
  { id: 'began', label: 'Begun', kind: 'when',
    text: ({ began }) => ago(began),
    title: ({ began, expires }) => `begun ${moment(began)}\nexpires ${
      moment(expires)}`, value: ({ began }) => began, down: true },
  { id: 'peer', label: 'To peers', kind: 'number',
    text: (s) => bytes(s.to_peer.bytes),
    title: (s) => many(s.to_peer.packets, 'packet'),
    value: (s) => s.to_peer.bytes, down: true },
  { id: 'back', label: 'To client', kind: 'number',
    text: (s) => bytes(s.to_client.bytes),
    title: (s) => many(s.to_client.packets, 'packet'),
    value: (s) => s.to_client.bytes, down: true },
  { id: 'traffic', label: 'Traffic', kind: 'number',
    text: (s) => bytes(allBytes(s)), value: allBytes, down: true },
  { id: 'now', label: 'Now', kind: 'number',
    text: (s) => (rate(s) === undefined ? '–' : bits(rate(s))),
    value: (s) => rate(s) ?? -1, down: true },
  { id: 'end', label: 'End', kind: 'number', make: endCell, hush: true },
];

let table;
let shown = { total: 0, sessions: [] };

const counted = (found) => {
  const { total, sessions } = shown;
  const some = total > sessions.length ? `, the ${count(sessions.length)} with `
    + 'most traffic are here' : '';
  setText($('sessions-count'), $('sessions-search').value
    ? `${count(found)} found, ${count(total)} living${some}`
    : `${count(total)} living${some}`);
};

export function startSessions() {
  table = new Table($('sessions-table'), {
    caption: 'Sessions',
    columns,
    key: ({ id }) => id,
    sort: 'traffic',
    search: $('sessions-search'),
    words: ({ user, realm, client, relayed, listener, source }) =>
      [user, realm, client, relayed, listener, source],
    empty: 'Nobody uses the server now.',
    counted,
  });
  $('end').addEventListener('close', () => { ending = undefined; });
  $('end-do').addEventListener('click', endIt);
}

// All of them are asked for only where the busiest thousand do not suffice.
export async function readSessions() {
  const wanted = shown.total > FEW && ($('sessions-search').value
    || table.sort.column.id !== 'traffic' || !table.sort.down
    || table.page > 0) ? MOST : FEW;
  shown = await get(`/v1/sessions?limit=${wanted}&sort=traffic`);
  reckonRates(shown.sessions);
  table.show(shown.sessions);
  return shown.sessions.length > FEW ? 4 : 1;
}

// --- ending one ---

let ending;

function askToEnd(session) {
  ending = session;
  $('end-name').replaceChildren(name(session.user));
  setText($('end-what'), `Client ${session.client}, relayed at ${
    session.relayed}, begun ${ago(session.began)}, ${
    bytes(allBytes(session))} so far.`);
  setText($('end-error'), '');
  $('end').showModal();
  $('end-cancel').focus();
}

async function endIt(event) {
  event.preventDefault();
  const session = ending;
  $('end-do').disabled = true;
  let gone = false;
  try {
    await remove(`/v1/sessions/${encodeURIComponent(session.id)}`);
  } catch (error) {
    gone = error.status === 404;
    if (!gone) {
      setText($('end-error'), error.message);
      return;
    }
  } finally {
    $('end-do').disabled = false;
  }
  $('end').close();
  table.show(table.rows.filter(({ id }) => id !== session.id));
  announce(gone ? 'That session had already ended.'
    : `Session of ${visible(session.user)} ended.`);
}
