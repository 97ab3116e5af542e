/**
 * One person at the desk: their view of the workspace, kept current by the stream of events.
 * @module
 */

import { Api } from './api.js';
import { Directory } from './directory.js';
import { Stream } from './stream.js';
import { languageOf, learn } from './words.js';

/**
 * @typedef {object} SessionHandlers what the page does when something happened
 * @property {(message: any) => void} onMessage
 * @property {(channel: string, ts: string) => void} onDeleted
 * @property {(view: any, depth: number) => void} onView
 * @property {(depth: number) => void} onViewClosed
 * @property {(view: any) => void} onHome
 * @property {(state: 'online' | 'offline' | 'lost' | 'unknown') => void} onStatus
 * @property {() => void} onGap
 */

/** Nobody is named: the guide says who begins, by the browser's language. */
async function firstState() {
  const state = await new Api('').state();
  await learn(state.languages);
  const begins = state.guide?.[languageOf(null)]?.start_as;
  return begins ? new Api(begins).state() : state;
}

/** A person's session; closed when another person sits down. */
export class Session {
  /**
   * @param {Api} api
   * @param {any} state
   * @param {SessionHandlers} handlers
   */
  constructor(api, state, handlers) {
    this.api = api;
    this.directory = new Directory(state);
    this.lastEvent = state.last_event;
    this.handlers = handlers;
    this.bot = 'online' in state.bot ? (state.bot.online ? 'online' : 'offline') : 'unknown';
  }

  /**
   * @param {string} as empty for the workspace's default
   * @param {SessionHandlers} handlers
   * @returns {Promise<Session>}
   */
  static async open(as, handlers) {
    const state = await (as ? new Api(as).state().catch(firstState) : firstState());
    await learn(state.languages);
    return new Session(new Api(state.me.id), state, handlers);
  }

  /** Begin to listen; the page is ready to be told. */
  listen() {
    this.stream = new Stream(this.api.as, this.lastEvent, {
      onEvent: (event) => this.take(event),
      onLink: (up) => this.handlers.onStatus(up ? this.bot : 'lost'),
      onOpen: () => this.handlers.onGap(),
    });
  }

  /** @param {any} event */
  take(event) {
    const { handlers } = this;
    const actions = {
      message: () => handlers.onMessage(event.message),
      message_changed: () => handlers.onMessage(event.message),
      message_deleted: () => handlers.onDeleted(event.channel, event.ts),
      view: () => handlers.onView(event.view, event.stack_depth),
      view_closed: () => handlers.onViewClosed(event.stack_depth),
      home: () => handlers.onHome(event.view),
      bot: () => this.setBot(event.online),
    };
    actions[event.type]?.();
  }

  /** Read anew who and what there is: a direct conversation begins with its first message. */
  async refresh() {
    this.directory = new Directory(await this.api.state());
  }

  /** @param {boolean} online */
  setBot(online) {
    this.bot = online ? 'online' : 'offline';
    this.handlers.onStatus(this.bot);
  }

  close() {
    this.stream?.close();
  }
}
