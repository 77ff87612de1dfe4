// What the server is and how it is: the head of the page, its notices, the
// facts, the drops by reason and the list under Health.

import { $, announce, el, name, setText } from './dom.js';
import { clock, count, many, moment, span } from './format.js';

const STATES = {
  serving: ['ok', 'Serving'],
  draining: ['warn', 'Draining'],
  'not ready': ['bad', 'Not ready'],
};

// Drop reasons as in turn/drop.h.
const DROPS = {
  not_stun: 'neither STUN nor channel data',
  malformed: 'broken STUN messages',
  bad_fingerprint: 'wrong fingerprint',
  unexpected_message: 'responses, or unknown methods',
  unknown_attribute: 'unknown attributes',
  bad_source: 'impossible source addresses',
  no_listener: 'their listener is gone',
  no_allocation: 'no allocation',
  no_channel: 'no such channel',
  no_permission: 'peers without a permission',
  bad_channel_data: 'broken channel data',
  bad_indication: 'broken indications',
  peer_family: 'peers of another address family',
  peer_denied: 'forbidden peers',
  peer_limit: 'too many new peers (limits.peers)',
  packet_limit: 'self-tests beyond their packets',
  allocation_rate: 'over the bandwidth of an allocation',
  user_rate: 'over the bandwidth of a user',
  total_rate: 'over the bandwidth of the server',
  hairpin_no_peer: 'no allocation at that relay port',
  hairpin_full: 'a worker too busy for another’s packets',
  nested: 'relayed too often',
  too_large: 'too large',
  pending_full: 'too many waiting requests from one source',
  reply_budget: 'answers to strangers, over their budget',
  throttled: 'sources with too many wrong passwords',
  send_buffer_full: 'send buffer full',
  send_error: 'the system could not send',
};

export const stateOf = (server) => (server.state === 'draining' ? 'draining'
  : server.ready ? 'serving' : 'not ready');

let state;

export function showState(server) {
  const now = stateOf(server);
  const [kind, word] = STATES[now];
  const pill = $('state');
  const text = now === 'not ready' && server.not_ready
    ? `${word}: ${server.not_ready}` : word;
  pill.dataset.kind = kind;
  setText(pill, text);
  setText($('version'), server.version);
  setText($('uptime'), `up ${span(server.uptime_s)}`);
  $('uptime').title = `since ${moment(server.started)}`;
  if (state !== undefined && state !== text)
    announce(`The server is now: ${text}`);
  state = text;
  document.title = `${now === 'serving' ? '' : `${word} · `}turnpike`;
}

export function showLost(error) {
  $('state').dataset.kind = 'bad';
  setText($('state'), 'No answer');
  if (state !== 'lost')
    announce(error.message);
  state = 'lost';
}

// --- notices ---

const notice = (kind, ...text) => el('p', { class: 'notice',
  'data-kind': kind }, ...text);

export function showNotices(server) {
  const found = [];
  const { drain } = server;
  if (drain)
    found.push(['warn', `Draining since ${clock(drain.since)}: no new `
      + `sessions, ${count(server.allocations.living)} still live. `
      + (drain.deadline ? `The server ends at ${clock(drain.deadline)}, or `
        + 'when none is left.' : 'Until the drain is ended.')]);
  if (server.restart_pending.length)
    found.push(['warn', 'Changed in the file, in force after a restart: '
      + server.restart_pending.join(', ')]);
  const all = JSON.stringify(found);
  if ($('notices').dataset.shown === all)
    return;
  $('notices').dataset.shown = all;
  $('notices').replaceChildren(...found.map(([kind, text]) =>
    notice(kind, text)));
}

// --- facts ---

const SOURCES = { file: 'set in turnpike.conf',
  'relay.address': 'as relay.address' };

function portsFact({ relay }) {
  const { ports_used: used, ports, first_port: first, last_port: last } = relay;
  const meter = el('meter', { min: 0, max: ports, high: ports * 0.8,
    optimum: 0, value: used, 'aria-label': 'Relay ports in use' });
  return [`${count(used)} of ${count(ports)} used`, meter,
    el('small', {}, `ports ${first} to ${last}`)];
}

function allocationsFact({ allocations }) {
  const { living, max, begun } = allocations;
  return [`${count(living)} living${max ? ` of at most ${count(max)}` : ''}`,
    el('small', {}, `${count(begun)} begun since the start`)];
}

function realmFact({ realms }) {
  return realms.flatMap(({ name: realm, allocations, allocations_max: max }) =>
    [el('div', {}, name(realm), realms.length > 1 ? el('small', {},
      `${count(allocations)}${max ? ` of ${count(max)}` : ''} sessions`)
      : '')]);
}

function listenersFact({ listeners, realms }) {
  return listeners.map(({ transport, address, port, realm }) => el('div', {},
    `${address}:${port} `, el('small', {}, transport.toUpperCase(),
      realms.length > 1 ? ' ' : '', realms.length > 1 ? name(realm) : '')));
}

function relayFact({ relay }) {
  const source = SOURCES[relay.advertise_source] ?? relay.advertise_source;
  return [relay.advertise, el('small', {}, source),
    relay.advertise === relay.address ? ''
      : el('small', {}, `bound to ${relay.address}`)];
}

function usersFact({ users, secrets, redis }) {
  const parts = [[users.config, 'in turnpike.conf'], [users.file,
    'in the users file'], [secrets, secrets === 1 ? 'time-limited secret'
    : 'time-limited secrets']]
    .filter(([n]) => n).map(([n, text]) => el('div', {},
      `${count(n)} `, el('small', {}, text)));
  if (redis)
    parts.push(el('div', {}, 'Redis ', el('small', {}, redis.state)));
  return parts.length ? parts : ['none'];
}

const FACTS = [
  ['Sessions', allocationsFact],
  ['Relay address', relayFact],
  ['Relay ports', portsFact],
  ['Listeners', listenersFact],
  ['Realm', realmFact],
  ['Users', usersFact],
];

export function showFacts(server) {
  const list = $('facts');
  const made = FACTS.map(([title, fact]) => el('div', {}, el('dt', {}, title),
    el('dd', {}, ...fact(server))));
  made.forEach((item, n) => {
    const there = list.children[n];
    if (!there)
      list.append(item);
    else if (!there.isEqualNode(item))
      there.replaceWith(item);
  });
}

// --- drops ---

const SAMPLE = /^turnpike_dropped_packets_total\{reason="(\w+)"\} (\d+)/gm;

// { reason: packets } of the metrics' text.
export function dropsOf(metrics) {
  const found = {};
  for (const [, reason, n] of metrics.matchAll(SAMPLE))
    found[reason] = Number(n);
  return found;
}

export function showDrops(server, drops) {
  const { dropped, kernel_drops: kernel } = server.traffic;
  const reasons = Object.entries(drops).filter(([, n]) => n > 0)
    .sort(([, a], [, b]) => b - a);
  const items = reasons.map(([reason, n]) => el('li', {},
    el('strong', {}, count(n)), ` ${DROPS[reason] ?? reason}`));
  if (kernel)
    items.push(el('li', {}, el('strong', {}, count(kernel)),
      ' by the kernel before they could be read'));
  const made = [el('p', {}, dropped + kernel
    ? `${many(dropped + kernel, 'packet')} dropped since the start`
    : 'No packet dropped since the start')];
  if (items.length)
    made.push(el('ul', {}, ...items));
  const place = $('drops');
  const fresh = el('div', { class: 'drops', id: 'drops' }, ...made);
  if (!place.isEqualNode(fresh))
    place.replaceWith(fresh);
}

// --- health ---

const share = (used, all, what, remedy) => {
  const part = all ? used / all : 0;
  const kind = part >= 0.95 ? 'bad' : part >= 0.8 ? 'warn' : 'ok';
  return [kind, `${Math.round(part * 100)} % of ${what} in use`,
    kind === 'ok' ? '' : remedy];
};

function readiness(server) {
  const now = stateOf(server);
  if (now === 'draining')
    return ['warn', 'Takes no new sessions: it drains'];
  return now === 'serving' ? ['ok', 'Ready for new sessions']
    : ['bad', `Not ready: ${server.not_ready ?? 'no reason told'}`,
      'Load balancers see this at /readyz.'];
}

function kernelDrops(server, recent) {
  const all = server.traffic.kernel_drops;
  if (recent)
    return ['warn', `The kernel dropped ${many(recent, 'packet')} in the last `
      + '10 minutes',
    'Raise net.core.rmem_max, or give the server more cores.'];
  return ['ok', all ? `The kernel dropped ${many(all, 'packet')}, none lately`
    : 'The kernel dropped no packet'];
}

const MODES = {
  keyspace: 'It tells of changes by keyspace events.',
  channel: 'It tells of changes by a channel.',
  're-read': 'It tells of no changes: users with sessions are read again.',
};

function redisHealth({ redis: { state: now, mode, endpoint, since } }) {
  const text = `Redis is ${now}${since ? `, since ${moment(since)}` : ''}${
    endpoint ? ` (${endpoint})` : ''}`;
  if (now === 'up')
    return ['ok', text, MODES[mode] ?? ''];
  return ['bad', text,
    'Known users go on for a while; unknown ones are answered 500.'];
}

export function healthOf(server, recentKernelDrops) {
  const { relay, allocations } = server;
  const found = [readiness(server),
    share(relay.ports_used, relay.ports, 'the relay ports',
      'Widen relay.ports, and the firewall with it.'),
    kernelDrops(server, recentKernelDrops)];
  if (allocations.max)
    found.push(share(allocations.living, allocations.max, 'the sessions',
      'Raise limits.allocations.'));
  if (server.redis)
    found.push(redisHealth(server));
  found.push(server.restart_pending.length
    ? ['warn', 'Some options wait for a restart',
      server.restart_pending.join(', ')]
    : ['ok', 'All of the configuration is in force']);
  return found;
}

const WORDS = { ok: 'OK', warn: 'Warning', bad: 'Problem' };

export function showHealth(server, recentKernelDrops) {
  const made = el('ul', { id: 'health-list', class: 'health' },
    ...healthOf(server, recentKernelDrops).map(([kind, text, more]) =>
      el('li', { 'data-kind': kind }, el('span', { class: 'unseen' },
        `${WORDS[kind]}: `), text, more ? el('small', {}, more) : '')));
  const place = $('health-list');
  if (!place.isEqualNode(made))
    place.replaceWith(made);
}
