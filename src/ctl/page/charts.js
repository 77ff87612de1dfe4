// Lines over the last ten minutes, drawn anew at each sample. A chart is an
// image to who hears the page, with its values in its name; arrow keys and
// the pointer read single samples.

import { el, setAttribute, setText, svg } from './dom.js';
import { clock } from './format.js';

export const WINDOW_MS = 600000;
const GAP_MS = 15000;
const HEIGHT = 176;
const TOP = 18;
const BOTTOM = 20;
const LINES = 2;

// The least round number that is at least n; its half is round, too.
function nice(n) {
  const unit = 10 ** Math.floor(Math.log10(n));
  return [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10].find((k) => k * unit >= n) * unit;
}

export class Chart {
  // `series`: [{ id, label }]; `min`: the least top of the scale.
  constructor(place, { series, min, format, label }) {
    Object.assign(this, { place, series, min, format, label });
    this.samples = [];
    this.grid = svg('g', { class: 'grid' });
    this.labels = svg('g', { class: 'grid' });
    this.cursor = svg('line', { class: 'cursor', y1: TOP - 6,
      y2: HEIGHT - BOTTOM });
    this.lines = series.map(({ id }) => ({
      area: svg('path', { class: `area ${id}` }),
      line: svg('path', { class: `line ${id}` }),
    }));
    this.image = svg('svg', { role: 'img', tabindex: 0, height: HEIGHT },
      this.grid, ...this.lines.flatMap(({ area, line }) => [area, line]),
      this.labels, this.cursor);
    this.said = el('p', { class: 'reading', 'aria-live': 'polite' });
    this.legend = series.map(({ id, label: text }) => {
      const now = el('strong');
      const rest = el('span', { class: 'quiet' });
      return { id, now, rest, item: el('li', { class: id },
        el('span', { class: 'key' }, text), now, rest) };
    });
    place.append(el('ul', { class: 'legend' },
      ...this.legend.map(({ item }) => item)),
    el('div', { class: 'plot' }, this.image, this.said));
    this.point(undefined);
    this.listen();
  }

  listen() {
    new ResizeObserver(() => this.draw()).observe(this.place);
    this.image.addEventListener('pointermove', (event) => {
      const { left, width } = this.image.getBoundingClientRect();
      this.point(this.now - WINDOW_MS * (1 - (event.clientX - left) / width));
    });
    this.image.addEventListener('pointerleave', () => this.point(undefined));
    this.image.addEventListener('blur', () => this.point(undefined));
    this.image.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step || !this.samples.length)
        return;
      event.preventDefault();
      const last = this.samples.length - 1;
      const at = this.at ? this.samples.indexOf(this.at) + step : last;
      this.point(this.samples[Math.max(0, Math.min(last, at))].time);
    });
  }

  show(samples, now) {
    this.samples = samples.filter(({ time }) => time >= now - WINDOW_MS);
    this.now = now;
    this.draw();
    this.tell();
  }

  // Reads the sample that is nearest to that time.
  point(time) {
    const distance = (sample) => Math.abs(sample.time - time);
    this.at = time === undefined || !this.samples.length ? undefined
      : this.samples.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    this.cursor.classList.toggle('on', Boolean(this.at));
    setText(this.said, this.at ? `${clock(this.at.time)}: ${this.series
      .map(({ id, label }) => `${label} ${this.format(this.at[id])}`)
      .join(', ')}` : '');
    this.drawCursor();
  }

  values(id) {
    return this.samples.map((sample) => sample[id]);
  }

  x(time) {
    return this.width * (1 - (this.now - time) / WINDOW_MS);
  }

  y(value) {
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / this.max;
  }

  drawCursor() {
    if (!this.at || !this.width)
      return;
    const x = this.x(this.at.time).toFixed(1);
    this.cursor.setAttribute('x1', x);
    this.cursor.setAttribute('x2', x);
  }

  draw() {
    this.width = this.place.clientWidth;
    if (!this.width || !this.now)
      return;
    setAttribute(this.image, 'viewBox', `0 0 ${this.width} ${HEIGHT}`);
    this.max = nice(Math.max(this.min,
      ...this.series.flatMap(({ id }) => this.values(id))));
    this.drawGrid();
    this.lines.forEach((shape, n) => this.drawLine(shape, this.series[n].id));
    this.drawCursor();
  }

  drawGrid() {
    const parts = [];
    const labels = [];
    for (let i = 0; i <= LINES; i++) {
      const value = this.max * i / LINES;
      const y = Math.round(this.y(value)) + 0.5;
      parts.push(svg('line', { x1: 0, x2: this.width, y1: y, y2: y }));
      if (i > 0)
        labels.push(svg('text', { x: 0, y: y - 4 }, this.format(value)));
    }
    for (const [minutes, anchor] of [[10, 'start'], [5, 'middle'], [0, 'end']])
      labels.push(svg('text', { x: this.width * (1 - minutes / 10),
        y: HEIGHT - 4, 'text-anchor': anchor },
      minutes ? `${minutes} min ago` : 'now'));
    this.grid.replaceChildren(...parts);
    this.labels.replaceChildren(...labels);
  }

  drawLine({ area, line }, id) {
    const runs = [];
    let before;
    for (const { time, [id]: value } of this.samples) {
      if (before === undefined || time - before > GAP_MS)
        runs.push([]);
      runs.at(-1).push([this.x(time).toFixed(1), this.y(value).toFixed(1)]);
      before = time;
    }
    const path = (run) => `M${run.map((point) => point.join()).join('L')}`;
    const base = this.y(0).toFixed(1);
    line.setAttribute('d', runs.map(path).join(''));
    area.setAttribute('d', runs.map((run) => `${path(run)}L${
      run.at(-1)[0]},${base}L${run[0][0]},${base}Z`).join(''));
  }

  // The same in words.
  tell() {
    const said = this.legend.map(({ id, now, rest }, n) => {
      const values = this.values(id);
      if (!values.length)
        return '';
      const last = this.format(values.at(-1));
      const peak = this.format(Math.max(...values));
      setText(now, last);
      setText(rest, `peak ${peak}`);
      return `${this.series[n].label}: now ${last}, at most ${peak}`;
    });
    setAttribute(this.image, 'aria-label',
      `${this.label}, last 10 minutes. ${said.join('. ')}`);
  }
}
