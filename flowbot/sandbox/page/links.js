/**
 * Links to messages of this workspace: they are followed within the page, as Slack follows them within itself.
 * @module
 */

const SHAPE = /^\/archives\/(?<channel>[A-Z0-9_]+)\/p(?<seconds>\d+)(?<fraction>\d{6})$/u;

/**
 * @param {string} href
 * @returns {{channel: string, ts: string} | null} the message, if it is one's address
 */
export function messageAt(href) {
  const url = new URL(href, location.href);
  const found = url.origin === location.origin ? SHAPE.exec(url.pathname)?.groups : undefined;
  return found ? { channel: found.channel, ts: `${found.seconds}.${found.fraction}` } : null;
}

/** @param {(channel: string, ts: string) => void} follow */
export function wireMessageLinks(follow) {
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
    const found = link && !(event.ctrlKey || event.metaKey || event.shiftKey) ? messageAt(link.href) : null;
    if (!found) return;
    event.preventDefault();
    follow(found.channel, found.ts);
  });
}
