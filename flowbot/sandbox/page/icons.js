/**
 * The page's few icons, as inline SVG.
 * @module
 */

import { svg } from './dom.js';

const PATHS = {
  close: 'M6 6l12 12M18 6L6 18',
  menu: 'M4 7h16M4 12h16M4 17h16',
  home: 'M4 11l8-7 8 7M6 10v9h4v-5h4v5h4v-9',
  app: 'M5 5h14v11h-7l-4 4v-4H5z',
  lock: 'M7 11V8a5 5 0 0 1 10 0v3M5 11h14v9H5z',
  hash: 'M9 4L7 20M17 4l-2 16M4 9h16M4 15h16',
  send: 'M4 12l16-8-6 16-3-7-7-1z',
  help: 'M9.5 9a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .9-1 1.7M12 17h.01M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18z',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  shared: 'M4 16a4 4 0 0 1 0-8h5M20 8a4 4 0 0 1 0 8h-5M8 12h8',
  eye: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7-10-7-10-7zM12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6z',
  wire: 'M4 8h13l-3-3M20 16H7l3 3',
  away: 'M9 7h8v8M17 7L7 17',
  down: 'M6 9l6 6 6-6',
  sort: 'M8 5v14M8 5L5 8M8 5l3 3M16 19V5M16 19l-3-3M16 19l3-3',
};

/**
 * @param {keyof typeof PATHS} name
 * @returns {SVGElement} hidden from assistive technology: the control around it carries the name
 */
export function icon(name) {
  const path = svg('path', { d: PATHS[name] });
  return svg('svg', { class: `icon icon-${name}`, viewBox: '0 0 24 24', 'aria-hidden': 'true', focusable: 'false' }, path);
}
