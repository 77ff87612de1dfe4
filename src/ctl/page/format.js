// Numbers and times as people read them.

function scaled(n, units) {
  let i = 0;
  while (n >= 999.5 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${n.toLocaleString('en', {
    maximumFractionDigits: n >= 99.95 || i === 0 ? 0 : n >= 9.995 ? 1 : 2,
  })} ${units[i]}`;
}

export const bytes = (n) => scaled(n, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);

export const bits = (n) => scaled(n,
  ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s']);

export const count = (n) => Math.round(n).toLocaleString('en');

export const many = (n, one, more = `${one}s`) =>
  `${count(n)} ${n === 1 ? one : more}`;

export const packets = (n) => `${n < 10 && n > 0 && n !== Math.round(n)
  ? n.toFixed(1) : count(n)}/s`;

export const ms = (n) => (n < 10 ? `${n.toFixed(1)} ms`
  : n < 1000 ? `${Math.round(n)} ms` : `${(n / 1000).toFixed(1)} s`);

// The two largest units of a time span.
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const parts = [['d', Math.floor(s / 86400)], ['h', Math.floor(s / 3600) % 24],
    ['min', Math.floor(s / 60) % 60], ['s', s % 60]];
  const first = parts.findIndex(([, n]) => n > 0);
  if (first < 0)
    return '0 s';
  return parts.slice(first, first + 2).filter(([, n]) => n > 0)
    .map(([unit, n]) => `${n} ${unit}`).join(' ');
}

export const ago = (time) => {
  const s = (Date.now() - Date.parse(time)) / 1000;
  return s < 2 ? 'just now' : `${span(s).split(' ', 2).join(' ')} ago`;
};

export const clock = (time) => new Date(time).toLocaleTimeString('en-GB');

export const moment = (time) => new Date(time).toLocaleString('en-GB',
  { dateStyle: 'medium', timeStyle: 'long' });
