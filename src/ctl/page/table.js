// A table that stays as it is while its rows are read again and again: rows
// are kept by key, cells change their text only, and the order waits while
// somebody points at a row or stands in it. Sorted by the buttons in its head,
// searched, and shown by pages.

import { el, setAttribute, setText } from './dom.js';
import { count } from './format.js';

const NARROW = '(max-width: 46rem)';

const compare = (a, b) => (typeof a === 'number' ? a - b
  : String(a).localeCompare(String(b), 'en', { numeric: true }));

export class Table {
  // `columns`: [{ id, label, text(row), make(row), value(row), down, kind }]:
  // a cell's text, which may change, or a node that is made once; what to sort
  // by, if by that; whether from the largest first; the class of its cells.
  constructor(table, { caption, columns, key, sort, words, search, size = 15,
    empty, counted }) {
    Object.assign(this, { table, columns, key, words, search, size, empty,
      counted });
    if (matchMedia(NARROW).matches)
      this.size = Math.ceil(size / 2);
    this.rows = [];
    this.kept = new Map();
    this.page = 0;
    this.sort = { column: columns.find(({ id }) => id === sort) };
    this.sort.down = Boolean(this.sort.column?.down);
    this.body = el('tbody', { role: 'rowgroup' });
    this.nothing = el('p', { class: 'empty' });
    this.makeHead(caption);
    this.makePager(caption);
    search?.addEventListener('input', () => {
      this.page = 0;
      this.draw(true);
    });
  }

  makeHead(caption) {
    const heads = this.columns.map((column) => {
      const cell = el('th', { scope: 'col', role: 'columnheader',
        class: column.kind });
      if (!column.value) {
        cell.append(el('span', { class: column.hush && 'unseen' },
          column.label));
        return cell;
      }
      const button = el('button', { type: 'button', class: 'sort' },
        column.label);
      button.addEventListener('click', () => this.sortBy(column));
      cell.append(button);
      column.head = cell;
      return cell;
    });
    setAttribute(this.table, 'role', 'table');
    this.table.classList.add('none');
    this.table.append(el('caption', { class: 'unseen' }, caption),
      el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, ...heads)),
      this.body);
    this.table.after(this.nothing);
    this.markHead();
  }

  makePager(caption) {
    this.where = el('span');
    this.back = el('button', { type: 'button' }, 'Previous');
    this.forth = el('button', { type: 'button' }, 'Next');
    this.back.addEventListener('click', () => this.turn(-1));
    this.forth.addEventListener('click', () => this.turn(1));
    this.pager = el('nav', { class: 'pager', 'aria-label': `Pages: ${caption}`,
      hidden: true }, this.where, this.back, this.forth);
    this.nothing.after(this.pager);
  }

  turn(pages) {
    this.page += pages;
    this.draw(true);
  }

  sortBy(column) {
    this.sort = { column, down: this.sort.column === column
      ? !this.sort.down : Boolean(column.down) };
    this.page = 0;
    this.markHead();
    this.draw(true);
  }

  markHead() {
    for (const column of this.columns.filter(({ head }) => head))
      setAttribute(column.head, 'aria-sort', column !== this.sort.column
        ? 'none' : this.sort.down ? 'descending' : 'ascending');
  }

  show(rows) {
    this.rows = rows;
    this.draw(false);
  }

  found() {
    const wanted = (this.search?.value ?? '').toLowerCase().split(/\s+/)
      .filter(Boolean);
    if (!wanted.length)
      return this.rows;
    return this.rows.filter((row) => {
      const text = this.words(row).join(' ').toLowerCase();
      return wanted.every((word) => text.includes(word));
    });
  }

  sorted(rows) {
    const { column, down } = this.sort;
    if (!column)
      return rows;
    const sign = down ? -1 : 1;
    return rows.map((row) => ({ row, by: column.value(row) }))
      .sort((a, b) => sign * compare(a.by, b.by)
        || compare(this.key(a.row), this.key(b.row)))
      .map(({ row }) => row);
  }

  // The rows of this page; in the order of before, while that must wait.
  chosen(rows, moved) {
    const page = rows.slice(this.page * this.size,
      (this.page + 1) * this.size);
    if (moved || !this.body.matches(matchMedia('(hover: hover)').matches
      ? ':hover, :focus-within' : ':focus-within'))
      return page;
    const there = new Map(rows.map((row) => [this.key(row), row]));
    const stay = [...this.kept.keys()].filter((key) => there.has(key));
    const known = new Set(stay);
    return [...stay.map((key) => there.get(key)),
      ...page.filter((row) => !known.has(this.key(row)))]
      .slice(0, this.size);
  }

  draw(moved) {
    const found = this.found();
    const pages = Math.max(1, Math.ceil(found.length / this.size));
    this.page = Math.max(0, Math.min(this.page, pages - 1));
    this.place(this.chosen(this.sorted(found), moved));

    this.table.classList.toggle('none', !found.length);
    setText(this.nothing, found.length ? '' : this.rows.length
      ? 'Nothing matches.' : this.empty);
    const first = this.page * this.size;
    setText(this.where, `${count(first + 1)}–${count(Math.min(found.length,
      first + this.size))} of ${count(found.length)}`);
    this.pager.hidden = pages === 1;
    this.back.disabled = this.page === 0;
    this.forth.disabled = this.page === pages - 1;
    this.counted?.(found.length);
  }

  place(rows) {
    const focused = this.body.contains(document.activeElement)
      ? document.activeElement : undefined;
    const index = focused ? [...this.body.rows].indexOf(focused.closest('tr'))
      : -1;
    const before = this.kept;
    this.kept = new Map();
    for (const row of rows) {
      const key = this.key(row);
      const kept = before.get(key) ?? this.makeRow(row);
      kept.fill(row);
      this.kept.set(key, kept);
      before.delete(key);
    }
    for (const { element } of before.values())
      element.remove();
    // Only what stands elsewhere is moved: moving takes the focus away.
    let at = this.body.firstChild;
    for (const { element } of this.kept.values()) {
      if (element === at)
        at = at.nextSibling;
      else
        this.body.insertBefore(element, at);
    }
    this.keepFocus(focused, index);
  }

  // Back to where it was, or to the row that took the place of one that went.
  keepFocus(focused, index) {
    if (!focused || document.activeElement === focused)
      return;
    const row = this.body.rows[Math.min(index, this.body.rows.length - 1)];
    const next = focused.isConnected ? focused
      : row?.querySelector('button') ?? this.search;
    next?.focus({ preventScroll: true });
  }

  makeRow(row) {
    const kept = { row };
    const cells = this.columns.map((column) => {
      const cell = el('td', { role: 'cell', class: column.kind,
        'data-label': column.hush ? undefined : column.label });
      if (column.make)
        cell.append(column.make(row, () => kept.row));
      else
        cell.append('');
      return cell;
    });
    kept.element = el('tr', { role: 'row' }, ...cells);
    kept.fill = (now) => {
      kept.row = now;
      this.columns.forEach((column, n) => {
        if (column.text)
          setText(cells[n].firstChild, column.text(now));
        if (column.title)
          setAttribute(cells[n], 'title', column.title(now));
      });
    };
    return kept;
  }
}
