// What the server refused lately, in its own words.

import { get } from './api.js';
import { $, el, name, setText, visible } from './dom.js';
import { ago, count, moment } from './format.js';
import { Table } from './table.js';

const LIMIT = 1024;

const who = ({ user, client, by_hash: hashed }) => el('div', {},
  user ? name(user) : el('span', { class: 'quiet' },
    hashed ? 'name sent as a hash' : 'no name'),
  el('small', {}, client));

const what = ({ code, text, remedy, option }) => el('div', {},
  el('p', {}, code ? el('span', { class: 'code' }, code) : '', ' ',
    visible(text)),
  remedy ? el('p', { class: 'remedy' }, visible(remedy), option
    && !remedy.includes(option) ? el('span', {}, ' (', el('code', {}, option),
      ')') : '') : '');

const columns = [
  { id: 'time', label: 'When', kind: 'when', text: ({ time }) => ago(time),
    title: ({ time }) => moment(time), value: ({ time }) => time, down: true },
  { id: 'who', label: 'Who', make: who,
    value: ({ user, client }) => `${user ?? ''} ${client}` },
  { id: 'what', label: 'What, and what to do', make: what,
    value: ({ code }) => code ?? 0 },
];

let table;
let total = 0;

export function startRefusals() {
  table = new Table($('refusals-table'), {
    caption: 'Refusals',
    columns,
    key: ({ key }) => key,
    sort: 'time',
    size: 10,
    search: $('refusals-search'),
    words: ({ user, client, realm, text }) => [user ?? '', client, realm ?? '',
      text],
    empty: 'Nobody was refused since the start.',
    counted: (found) => setText($('refusals-count'), $('refusals-search').value
      ? `${count(found)} found` : `${count(total)} since the start`),
  });
}

export async function readRefusals() {
  const answer = await get(`/v1/refusals?limit=${LIMIT}`);
  total = answer.total;
  // They have no number of their own: equal ones are told apart by counting.
  const seen = new Map();
  table.show(answer.refusals.toReversed().map((refusal) => {
    const same = JSON.stringify(refusal);
    const n = seen.get(same) ?? 0;
    seen.set(same, n + 1);
    return { ...refusal, key: `${same}${n}` };
  }));
  return 1;
}
