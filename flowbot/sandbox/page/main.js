/**
 * The page: a person, a place, and what happens there.
 * @module
 */

import { sentence } from './api.js';
import { Composer } from './composer.js';
import { isDirect } from './directory.js';
import { byId, fill, h } from './dom.js';
import { drawCard } from './guide.js';
import { showHelp, wireHelp, wireShortcuts } from './help.js';
import { Home } from './home.js';
import { wireMessageLinks } from './links.js';
import { MessageList } from './messages.js';
import { globalShortcuts, workflowButtons } from './menu.js';
import { ownMessage } from './message_view.js';
import { Modal } from './modal.js';
import { Session } from './session.js';
import { drawChannelHead, drawChannels, drawHomeHead, drawPeople, drawStatus, Drawer } from './sidebar.js';
import { languageOf, speak, t } from './words.js';

const HOME = 'home';

/** Ties the parts of the page together. */
class Page {
  constructor() {
    /** @type {Session | null} */
    this.session = null;
    this.place = '';
    this.unread = new Set();
    this.list = new MessageList(byId('log'), byId('scroller'), (message, values) =>
      this.surface({ type: 'message', ts: message.ts, channel: message.channel }, values),
    );
    const api = () => this.live.api;
    this.modal = new Modal(api, (container, values, errors) => this.surface(container, values, errors));
    this.home = new Home(byId('home'), (values) => this.surface({ type: HOME }, values));
    this.drawer = new Drawer();
    this.composer = new Composer((text) => this.send(text));
    this.wire();
  }

  /** @returns {Session} */
  get live() {
    if (!this.session) throw new Error('Nobody sits at the desk yet');
    return this.session;
  }

  wire() {
    wireMessageLinks((channel, ts) => this.goToMessage(channel, ts));
    const helpCommand = () => this.live.directory.guide?.help ?? '';
    wireHelp(helpCommand, () => this.live.api, (text) => this.say(text));
    const focusComposer = () => byId('message').focus();
    wireShortcuts({ moveChannel: (step) => this.move(step), focusComposer, help: () => showHelp(helpCommand()) });
    byId('person').addEventListener('change', (event) => this.sitDown(event.target.value));
    byId('skip').addEventListener('click', (event) => {
      event.preventDefault();
      byId('message').focus();
    });
    window.addEventListener('hashchange', () => this.goTo(location.hash.slice(1)));
    window.addEventListener('popstate', () => this.followUrl());
  }

  /** @returns {string} the person whom the address names */
  get asked() {
    return new URLSearchParams(location.search).get('as') ?? '';
  }

  followUrl() {
    if (this.session && this.asked && this.asked !== this.live.directory.me.id) this.start(this.asked);
  }

  /** @param {string} id of another person, chosen at the side */
  sitDown(id) {
    this.drawer.close();
    return this.become(id);
  }

  /** @param {string} id */
  become(id) {
    history.pushState(null, '', `?as=${encodeURIComponent(id)}${location.hash}`);
    return this.start(id).catch((error) => this.say(sentence(error)));
  }

  /** @param {string} as */
  async start(as) {
    const next = await Session.open(as, this.handlers());
    this.session?.close();
    this.session = next;
    this.unread.clear();
    this.modal.reset();
    this.home.reset();
    const { directory } = next;
    speak(languageOf(directory.me.locale));
    history.replaceState(null, '', `?as=${directory.me.id}${location.hash}`);
    byId('team').textContent = directory.team.name;
    byId('note').textContent = t('side.note', { bot: directory.bot.name });
    drawPeople(directory);
    fill(
      byId('shortcuts'),
      globalShortcuts(directory.guide?.shortcuts ?? [], (id) => this.runShortcut(id)),
      workflowButtons(directory.guide?.steps ?? [], (step) => this.runStep(step)),
    );
    drawStatus(next.bot, directory.bot.name);
    next.listen();
    await this.goTo(location.hash.slice(1), true);
  }

  /** @returns {import('./session.js').SessionHandlers} */
  handlers() {
    return {
      onMessage: (message) => this.receive(message),
      onDeleted: (channel, ts) => channel === this.place && this.list.remove(ts),
      onView: (view, depth) => this.modal.show(view, depth),
      onViewClosed: (depth) => this.modal.shrink(depth),
      onHome: (view) => this.home.show(view),
      onStatus: (state) => drawStatus(state, this.live.directory.bot.name),
      onGap: () => this.readAgain(),
    };
  }

  /**
   * @param {string} wanted a channel's id or "home"; the first channel when there is no such place
   * @param {boolean} [anew] draw it even when one is there already
   */
  async goTo(wanted, anew = false) {
    const { channels } = this.live.directory;
    const place = wanted === HOME || channels.has(wanted) ? wanted : (channels.keys().next().value ?? HOME);
    if (place === this.place && !anew) return;
    this.place = place;
    if (place !== wanted) history.replaceState(null, '', `${location.search}#${place}`);
    this.unread.delete(place);
    drawChannels(this.live.directory, place, this.unread);
    byId('room').hidden = place === HOME;
    byId('home').hidden = place !== HOME;
    await (place === HOME ? this.enterHome() : this.enterChannel(place));
  }

  async enterHome() {
    drawHomeHead(this.live.directory.bot.name);
    const { times } = this.home;
    try {
      const { view } = await this.live.api.home();
      // What the stream brought meanwhile is newer than what this answer was made of.
      if (this.home.times !== times) return;
      if (view) this.home.show(view);
      else this.home.blank();
    } catch (error) {
      this.home.trouble(/** @type {Error} */ (error).message);
    }
  }

  /** @param {string} id */
  async enterChannel(id) {
    const { directory } = this.live;
    const channel = /** @type {any} */ (directory.channels.get(id));
    const name = directory.channelName(id);
    drawChannelHead(channel, name);
    const called = isDirect(id) ? name : `#${name}`;
    this.composer.enter(directory, { id, name: called });
    drawCard(byId('guide'), directory.guide?.cards[id], { me: directory.me.id, name: called }, (text) => this.composer.say(text));
    byId('log').setAttribute('aria-label', t('place.messages', { name }));
    this.list.clear(directory);
    await this.read().catch((error) => this.say(sentence(error)));
  }

  async read() {
    const { place, session } = this;
    const log = byId('log');
    log.setAttribute('aria-busy', 'true');
    this.list.expect();
    const { messages } = await this.live.api.messages(place);
    // the person may have gone elsewhere meanwhile
    if (place === this.place && session === this.session) this.list.load(messages);
    log.removeAttribute('aria-busy');
  }

  /**
   * @param {string} channel
   * @param {string} ts
   */
  async goToMessage(channel, ts) {
    if (!this.live.directory.channels.has(channel)) return;
    history.pushState(null, '', `${location.search}#${channel}`);
    await this.goTo(channel);
    this.list.reveal(ts);
  }

  readAgain() {
    if (this.place === HOME) this.enterHome();
    else this.read().catch(() => drawStatus('lost', this.live.directory.bot.name));
  }

  /** @param {any} message */
  receive(message) {
    if (message.channel === this.place) {
      this.list.put(message);
      return;
    }
    if (message.user === this.live.directory.me.id) return;
    if (this.live.directory.channels.has(message.channel)) this.mark(message.channel);
    else if (isDirect(message.channel)) this.live.refresh().then(() => this.mark(message.channel));
  }

  /** @param {string} channel where something new is to be read */
  mark(channel) {
    this.unread.add(channel);
    drawChannels(this.live.directory, this.place, this.unread);
  }

  /**
   * @param {string} text
   * @returns {Promise<boolean>}
   */
  async send(text) {
    this.list.toEnd();
    try {
      await this.live.api.send(this.place, text);
      return true;
    } catch (error) {
      this.say(t('error.not_sent', { text: text.slice(0, 80).replaceAll('`', "'"), trouble: sentence(error) }));
      return false;
    }
  }

  /**
   * The page's own voice, as Slackbot has one: seen here only, kept nowhere.
   * @param {string} text
   */
  say(text) {
    if (this.place === HOME) {
      this.home.trouble(text);
      return;
    }
    this.list.put(ownMessage(this.place, text));
    this.list.toEnd();
  }

  /**
   * @param {object} container
   * @param {import('./form_values.js').FormValues} values
   * @param {Record<string, string>} [errors]
   * @returns {import('./surface.js').Surface}
   */
  surface(container, values, errors = {}) {
    const { api, directory } = this.live;
    return {
      directory,
      values,
      errors,
      act: (blockId, actionId, element) => {
        this.list.follow();
        const action = { container, block_id: blockId, action_id: actionId, element, state: { values: values.snapshot() } };
        return api.action(action).catch((error) => this.failed(container, error));
      },
      options: (blockId, actionId, value) => api.options({ container, block_id: blockId, action_id: actionId, value }),
      shortcut: (callbackId) => api.shortcut(callbackId, container).catch((error) => this.say(sentence(error))),
      upload: async (file) => (await api.upload(file)).file,
    };
  }

  /**
   * @param {any} container
   * @param {Error} error
   */
  failed(container, error) {
    const top = this.modal.top;
    if (container.type === 'view' && top) this.modal.refuse(top, top.errors, error.message);
    else this.say(error.message);
  }

  /** @param {string} callbackId */
  runShortcut(callbackId) {
    this.drawer.close();
    return this.live.api.shortcut(callbackId).catch((error) => this.say(sentence(error)));
  }

  /** @param {import('./menu.js').WorkflowStep} step */
  runStep(step) {
    this.drawer.close();
    return this.live.api.step(step.callback_id, step.inputs).catch((error) => this.say(sentence(error)));
  }

  /** @param {number} step up or down the list of channels */
  move(step) {
    const ids = [...this.live.directory.channels.keys()];
    const at = ids.indexOf(this.place);
    const next = ids[(at + step + ids.length) % ids.length];
    if (next) location.hash = next;
  }
}

const page = new Page();
page.start(page.asked).catch((error) => {
  fill(byId('log'), h('p', { class: 'unknown' }, t('error.not_opened', { trouble: error.message })));
});
