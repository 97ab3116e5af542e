/**
 * The stand-in workspace's private API, one method a route.
 * @module
 */

import { t } from './words.js';

/** What the page has words of its own for; the server's sentence is in English. */
const CODES = new Set([
  'operation_timeout', 'dispatch_failed', 'app_offline', 'invalid_command_response', 'not_found', 'not_in_channel',
  'user_not_found',
]);

/** An answer that says no: carries the server's code and its sentence. */
export class ApiError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
  }
}

/**
 * @param {unknown} error
 * @returns {string} its message with a full stop
 */
export function sentence(error) {
  const { message } = /** @type {Error} */ (error);
  return /[.!?]$/u.test(message) ? message : `${message}.`;
}

/**
 * @param {Response} response
 * @returns {Promise<any>}
 */
async function readAnswer(response) {
  const data = await response.json().catch(() => ({}));
  if (response.ok && data.ok !== false) return data;
  const code = data.error ?? `http_${response.status}`;
  const known = CODES.has(code) ? t(`error.${code}`) : null;
  throw new ApiError(code, known ?? data.message ?? t('error.other', { code }));
}

/**
 * @param {string} url
 * @param {RequestInit} [init]
 * @returns {Promise<any>}
 */
async function request(url, init) {
  let response;
  try {
    response = await fetch(url, init);
  } catch {
    throw new ApiError('network', t('error.network'));
  }
  return readAnswer(response);
}

/** The API as one person sees it. */
export class Api {
  /** @param {string} as the person's user id, empty for the workspace's default */
  constructor(as) {
    this.as = as;
  }

  /**
   * @param {string} path
   * @param {Record<string, string>} [query]
   */
  get(path, query = {}) {
    const known = this.as ? { as: this.as, ...query } : query;
    return request(`${path}?${new URLSearchParams(known)}`);
  }

  /**
   * @param {string} path
   * @param {object} body
   */
  post(path, body) {
    return request(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ as: this.as, ...body }),
    });
  }

  state() {
    return this.get('/sandbox/state');
  }

  /** @param {string} channel */
  messages(channel) {
    return this.get('/sandbox/messages', { channel });
  }

  /**
   * @param {string} channel
   * @param {string} text
   */
  send(channel, text) {
    return this.post('/sandbox/send', { channel, text });
  }

  /** @param {object} action container, block_id, action_id, element and state */
  action(action) {
    return this.post('/sandbox/action', action);
  }

  /**
   * @param {string} callbackId
   * @param {object} [container] the message, for a shortcut of its menu
   */
  shortcut(callbackId, container) {
    return this.post('/sandbox/shortcut', { callback_id: callbackId, container });
  }

  /**
   * @param {string} callbackId
   * @param {object} inputs those beside the person, who is asked
   */
  step(callbackId, inputs) {
    return this.post('/sandbox/step', { callback_id: callbackId, inputs });
  }

  /** @param {object} query container, block_id, action_id and value */
  options(query) {
    return this.post('/sandbox/options', query);
  }

  /**
   * @param {string} viewId
   * @param {object} values
   */
  submitView(viewId, values) {
    return this.post('/sandbox/view/submit', { view_id: viewId, values });
  }

  /**
   * @param {string} viewId
   * @param {boolean} clear close the views below as well
   */
  closeView(viewId, clear) {
    return this.post('/sandbox/view/close', { view_id: viewId, clear });
  }

  home() {
    return this.post('/sandbox/home', {});
  }

  log() {
    return this.get('/sandbox/log', { limit: '50' });
  }

  /** @param {File} file */
  upload(file) {
    const query = new URLSearchParams({ as: this.as, name: file.name });
    return request(`/sandbox/upload?${query}`, { method: 'POST', body: file });
  }
}
