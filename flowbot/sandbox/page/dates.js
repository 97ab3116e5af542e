/**
 * Times as the reader sees them: their own zone and language.
 * @module
 */

/** @typedef {{tz: string, locale: string}} Reader */

const DAY_MS = 86_400_000;

/**
 * @param {Date} date
 * @param {Reader} reader
 * @param {Intl.DateTimeFormatOptions} options
 */
function format(date, reader, options) {
  return new Intl.DateTimeFormat(reader.locale || 'en-GB', { timeZone: reader.tz || undefined, ...options }).format(date);
}

/**
 * @param {Date} date
 * @param {Reader} reader
 * @returns {string} the calendar day, comparable: 2026-11-23
 */
export function dayKey(date, reader) {
  return format(date, { ...reader, locale: 'en-CA' }, { year: 'numeric', month: '2-digit', day: '2-digit' });
}

/**
 * @param {Date} date
 * @param {Reader} reader
 * @returns {string | null} "yesterday", "today", "tomorrow" in the reader's language
 */
function nearDay(date, reader) {
  const days = (Date.parse(dayKey(date, reader)) - Date.parse(dayKey(new Date(), reader))) / DAY_MS;
  if (Math.abs(days) > 1) return null;
  return new Intl.RelativeTimeFormat(reader.locale || 'en', { numeric: 'auto' }).format(days, 'day');
}

/** @type {Record<string, Intl.DateTimeFormatOptions>} */
const SHAPES = {
  date_num: { year: 'numeric', month: '2-digit', day: '2-digit' },
  date_slash: { year: 'numeric', month: '2-digit', day: '2-digit' },
  date: { year: 'numeric', month: 'long', day: 'numeric' },
  date_short: { year: 'numeric', month: 'short', day: 'numeric' },
  date_long: { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' },
  time: { hour: '2-digit', minute: '2-digit' },
  time_secs: { hour: '2-digit', minute: '2-digit', second: '2-digit' },
};

/**
 * @param {Date} date
 * @param {Reader} reader
 */
function ago(date, reader) {
  const seconds = (date.getTime() - Date.now()) / 1000;
  const steps = /** @type {[number, Intl.RelativeTimeFormatUnit][]} */ ([[86400, 'day'], [3600, 'hour'], [60, 'minute']]);
  const [size, unit] = steps.find(([length]) => Math.abs(seconds) >= length) ?? [1, 'second'];
  return new Intl.RelativeTimeFormat(reader.locale || 'en', { numeric: 'auto' }).format(Math.round(seconds / size), unit);
}

/**
 * @param {string} token such as date_short_pretty
 * @param {Date} date
 * @param {Reader} reader
 * @returns {string | null} null for a token that does not exist
 */
function formatToken(token, date, reader) {
  if (token === 'ago') return ago(date, reader);
  const base = token === 'day_divider_pretty' ? 'date_long' : token.replace(/_pretty$/u, '');
  if (!SHAPES[base]) return null;
  const near = token.endsWith('_pretty') ? nearDay(date, reader) : null;
  return near ?? format(date, reader, SHAPES[base]);
}

/**
 * @param {number} timestamp Unix seconds
 * @param {Reader} reader
 * @returns {string} what the reader's clock shows then, as a datetime-local field takes it
 */
export function toWallClock(timestamp, reader) {
  const shown = format(new Date(timestamp * 1000), { ...reader, locale: 'sv-SE' }, {
    year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit',
  });
  return shown.replace(' ', 'T');
}

/**
 * @param {string} shown from a datetime-local field
 * @param {Reader} reader
 * @returns {number} Unix seconds of the moment at which the reader's clock shows that
 */
export function fromWallClock(shown, reader) {
  const wanted = Date.parse(`${shown}Z`) / 1000;
  let timestamp = wanted;
  // Twice, since the first guess may lie on the other side of a clock change.
  for (let round = 0; round < 2; round += 1) {
    timestamp += wanted - Date.parse(`${toWallClock(timestamp, reader)}Z`) / 1000;
  }
  return timestamp;
}

/**
 * Slack's date tokens, as in <!date^TS^{date_short_pretty} {time}|fallback>.
 * @param {number} timestamp Unix seconds
 * @param {string} pattern
 * @param {Reader} reader
 * @returns {string}
 */
export function formatDate(timestamp, pattern, reader) {
  const date = new Date(timestamp * 1000);
  return pattern.replace(/\{(\w+)\}/gu, (whole, token) => formatToken(token, date, reader) ?? whole);
}

/**
 * @param {string} ts a message's timestamp
 * @returns {Date}
 */
export function dateOf(ts) {
  return new Date(Number.parseFloat(ts) * 1000);
}

/**
 * @param {Date} date
 * @param {Reader} reader
 */
export function clock(date, reader) {
  return format(date, reader, SHAPES.time);
}

/**
 * @param {Date} date
 * @param {Reader} reader
 */
export function dayLabel(date, reader) {
  const label = nearDay(date, reader) ?? format(date, reader, { weekday: 'long', month: 'long', day: 'numeric' });
  return label.charAt(0).toLocaleUpperCase(reader.locale || 'en') + label.slice(1);
}

/**
 * @param {Date} date
 * @param {Reader} reader
 */
export function fullTime(date, reader) {
  return format(date, reader, { dateStyle: 'full', timeStyle: 'medium' });
}
