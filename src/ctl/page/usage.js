// What each user has used in the last day.

import { get } from './api.js';
import { $, el, name, setText, visible } from './dom.js';
import { bytes, count, moment } from './format.js';
import { Table } from './table.js';

const all = ({ to_peer: peer, to_client: client }) => peer.bytes + client.bytes;

const number = (id, label, value, write) => ({ id, label, value, kind: 'number',
  down: true, text: (row) => write(value(row)) });

const columns = [
  { id: 'user', label: 'User', value: ({ user }) => user,
    make: ({ user, realm, of }) => el('div', {}, of
      ? el('em', {}, of) : name(user), el('small', {}, visible(realm))) },
  number('sessions', 'Sessions', (row) => row.sessions, count),
  number('living', 'Living', (row) => row.living, count),
  number('peak', 'Most at once', (row) => row.peak, count),
  number('peer', 'To peers', (row) => row.to_peer.bytes, bytes),
  number('back', 'To client', (row) => row.to_client.bytes, bytes),
  number('all', 'Traffic', all, bytes),
];

let table;

export function startUsage() {
  table = new Table($('usage-table'), {
    caption: 'Usage of each user',
    columns,
    key: ({ user, realm }) => `${realm}\n${user}`,
    sort: 'all',
    size: 10,
    search: $('usage-search'),
    words: ({ user, realm }) => [user, realm],
    empty: 'No session since the start.',
  });
}

export async function readUsage() {
  const { since, users, others } = await get('/v1/usage');
  setText($('usage-count'), `since ${moment(since)}`);
  table.show(others ? [...users, { ...others, user: '', realm: '',
    of: 'Users for whom there was no room' }] : users);
  return 1;
}
