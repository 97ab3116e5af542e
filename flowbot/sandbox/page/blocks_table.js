/**
 * The table block, and the data table with paging, sorting and filtering in the page itself.
 * @module
 */

import { fill, h } from './dom.js';
import { icon } from './icons.js';
import { richText } from './rich_text.js';
import { t } from './words.js';

/** @typedef {import('./directory.js').Directory} Directory */

const DEFAULT_PAGE_SIZE = 5;

/** @param {any} cell @returns {string} what sorting and filtering go by */
function cellText(cell) {
  if (cell.type !== 'rich_text') return String(cell.text ?? cell.value ?? '');
  return cell.elements.flatMap((part) => part.elements ?? []).map((element) => element.text ?? '').join(' ');
}

/** @param {any} cell @param {Directory} directory */
function cellNode(cell, directory) {
  if (cell.type === 'rich_text') return richText(cell, directory);
  if (cell.type !== 'raw_number') return cellText(cell);
  return cell.text ?? new Intl.NumberFormat(directory.me.locale || 'en').format(cell.value);
}

/** @param {any} cell @param {any} setting of the column */
function cellClass(cell, setting) {
  const align = setting?.align ?? (cell.type === 'raw_number' ? 'right' : 'left');
  return `align-${align}${setting?.is_wrapped === false ? ' no-wrap' : ''}`;
}

/**
 * @param {any} block
 * @param {Directory} directory
 * @returns {HTMLElement}
 */
export function table(block, directory) {
  const settings = block.column_settings ?? [];
  const row = (cells, tag) =>
    h('tr', {}, cells.map((cell, at) => h(tag, { class: cellClass(cell, settings[at]), scope: tag === 'th' ? 'col' : null }, cellNode(cell, directory))));
  const [head, ...body] = block.rows;
  const node = h('table', {}, h('thead', {}, row(head, 'th')), h('tbody', {}, body.map((cells) => row(cells, 'td'))));
  return h('div', { class: 'table-scroll', tabindex: 0, role: 'region', 'aria-label': t('table.table') }, node);
}

/** A data table that holds its own filter, order and page. */
class DataTable {
  /**
   * @param {any} block
   * @param {Directory} directory
   */
  constructor(block, directory) {
    this.block = block;
    this.directory = directory;
    [this.head, ...this.rows] = block.rows;
    this.size = block.page_size ?? DEFAULT_PAGE_SIZE;
    this.page = 0;
    this.filter = '';
    this.order = { column: -1, up: true };
    this.build();
    this.draw();
  }

  build() {
    this.body = h('tbody');
    this.headers = this.head.map((cell, column) => this.headerCell(cell, column));
    const on = { input: (event) => this.change({ filter: event.currentTarget.value, page: 0 }) };
    const filter = h('input', { class: 'control data-filter', type: 'search', placeholder: t('table.filter'), 'aria-label': t('table.filter_of', { name: this.block.caption }), on });
    this.count = h('span', { class: 'muted', role: 'status' });
    this.back = h('button', { type: 'button', class: 'btn btn-small', on: { click: () => this.change({ page: this.page - 1 }) } }, t('table.previous'));
    this.next = h('button', { type: 'button', class: 'btn btn-small', on: { click: () => this.change({ page: this.page + 1 }) } }, t('table.next'));
    const grid = h('table', {}, h('caption', {}, this.block.caption), h('thead', {}, h('tr', {}, this.headers)), this.body);
    const foot = h('div', { class: 'data-foot' }, this.count, this.back, this.next);
    this.node = h('div', { class: 'data-table' }, filter, h('div', { class: 'table-scroll', tabindex: 0 }, grid), foot);
  }

  /**
   * @param {any} cell
   * @param {number} column
   */
  headerCell(cell, column) {
    const on = { click: () => this.change({ order: { column, up: this.order.column !== column || !this.order.up } }) };
    const press = h('button', { type: 'button', class: 'sort', on }, cellText(cell), icon('sort'));
    return h('th', { scope: 'col' }, press);
  }

  /** @param {Partial<DataTable>} next */
  change(next) {
    Object.assign(this, next);
    this.draw();
  }

  /** @returns {any[][]} the rows that pass the filter, in order */
  visible() {
    const words = this.filter.toLocaleLowerCase();
    const kept = this.rows.filter((row) => row.some((cell) => cellText(cell).toLocaleLowerCase().includes(words)));
    return this.order.column < 0 ? kept : kept.sort((left, right) => this.compare(left, right));
  }

  /**
   * @param {any[]} left
   * @param {any[]} right
   */
  compare(left, right) {
    const [a, b] = [left[this.order.column], right[this.order.column]];
    const numeric = a.type === 'raw_number' && b.type === 'raw_number';
    const way = numeric ? a.value - b.value : cellText(a).localeCompare(cellText(b), undefined, { numeric: true });
    return this.order.up ? way : -way;
  }

  draw() {
    const rows = this.visible();
    const from = this.page * this.size;
    const shown = rows.slice(from, from + this.size);
    fill(this.body, shown.map((row) => this.bodyRow(row)));
    this.count.textContent = rows.length > 0 ? t('table.rows', { from: from + 1, to: from + shown.length, n: rows.length }) : t('table.none');
    this.back.disabled = this.page === 0;
    this.next.disabled = from + this.size >= rows.length;
    this.headers.forEach((node, column) => {
      const sorted = this.order.column === column;
      node.setAttribute('aria-sort', sorted ? (this.order.up ? 'ascending' : 'descending') : 'none');
    });
  }

  /** @param {any[]} cells */
  bodyRow(cells) {
    const rowHead = this.block.row_header_column_index ?? 0;
    return h('tr', {}, cells.map((cell, at) => {
      const isHead = at === rowHead;
      return h(isHead ? 'th' : 'td', { class: cellClass(cell), scope: isHead ? 'row' : null }, cellNode(cell, this.directory));
    }));
  }
}

/**
 * @param {any} block
 * @param {Directory} directory
 * @returns {HTMLElement}
 */
export function dataTable(block, directory) {
  return new DataTable(block, directory).node;
}
