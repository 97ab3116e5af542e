/**
 * The stream of server-sent events, with reconnection.
 * @module
 */

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 8000;

/**
 * @typedef {object} StreamHandlers
 * @property {(event: any) => void} onEvent one parsed event
 * @property {(connected: boolean) => void} onLink the line went up or down
 * @property {() => void} onOpen events may have been missed until now: read everything again
 */

/** Keeps one EventSource open; the browser resumes by Last-Event-ID, this class does the rest. */
export class Stream {
  /**
   * @param {string} as
   * @param {number} after the last event that the page knows of
   * @param {StreamHandlers} handlers
   */
  constructor(as, after, handlers) {
    this.url = `/sandbox/events?as=${encodeURIComponent(as)}`;
    this.after = String(after);
    this.handlers = handlers;
    this.delay = FIRST_DELAY_MS;
    this.open();
  }

  open() {
    this.source = new EventSource(`${this.url}&after=${this.after}`);
    this.source.addEventListener('open', () => this.opened());
    this.source.addEventListener('error', () => this.failed());
    this.source.addEventListener('message', (event) => {
      this.after = event.lastEventId;
      this.handlers.onEvent(JSON.parse(event.data));
    });
  }

  opened() {
    this.delay = FIRST_DELAY_MS;
    this.handlers.onLink(true);
    this.handlers.onOpen();
  }

  failed() {
    this.handlers.onLink(false);
    if (this.source.readyState !== EventSource.CLOSED) return;
    this.timer = setTimeout(() => this.open(), this.delay);
    this.delay = Math.min(this.delay * 2, LONGEST_DELAY_MS);
  }

  close() {
    clearTimeout(this.timer);
    this.source.close();
  }
}
