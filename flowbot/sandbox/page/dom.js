/**
 * Small helpers to build DOM trees. Text always enters as text nodes: nothing here parses HTML.
 * @module
 */

const SVG_NS = 'http://www.w3.org/2000/svg';
let counter = 0;

/**
 * @typedef {Node | string | number | null | undefined | false | Child[]} Child
 * @typedef {Record<string, unknown>} Props attributes; `on` holds listeners, `dataset` data attributes
 */

/**
 * Set one attribute; false, null and undefined leave it out, true writes it empty.
 * @param {Element} node
 * @param {string} name
 * @param {unknown} value
 */
function setAttribute(node, name, value) {
  if (value === false || value === null || value === undefined) return;
  node.setAttribute(name, value === true ? '' : String(value));
}

/**
 * @param {Element} node
 * @param {Props} props
 */
function applyProps(node, props) {
  const { on = {}, dataset = {}, ...attributes } = props;
  for (const [event, listener] of Object.entries(on)) node.addEventListener(event, listener);
  for (const [key, value] of Object.entries(dataset)) {
    if (value !== null && value !== undefined) node.dataset[key] = String(value);
  }
  for (const [name, value] of Object.entries(attributes)) setAttribute(node, name, value);
}

/**
 * @param {Element | DocumentFragment} node
 * @param {Child[]} children
 */
export function append(node, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === '') continue;
    node.append(child instanceof Node ? child : String(child));
  }
}

/**
 * Make an HTML element.
 * @param {string} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {any} the element
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  applyProps(node, props ?? {});
  append(node, children);
  return node;
}

/**
 * Make an SVG element.
 * @param {string} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {SVGElement}
 */
export function svg(tag, props = {}, ...children) {
  const node = document.createElementNS(SVG_NS, tag);
  applyProps(node, props);
  append(node, children);
  return node;
}

/**
 * @param {...Child} children
 * @returns {DocumentFragment}
 */
export function fragment(...children) {
  const node = document.createDocumentFragment();
  append(node, children);
  return node;
}

/**
 * Exchange all children of a node.
 * @param {Element} node
 * @param {...Child} children
 */
export function fill(node, ...children) {
  node.replaceChildren();
  append(node, children);
}

/**
 * @param {string} [prefix]
 * @returns {string} an id that no other element of the page has
 */
export function uid(prefix = 'x') {
  counter += 1;
  return `${prefix}-${counter}`;
}

/**
 * @param {string} id
 * @returns {any} the element; an error when the page lacks it
 */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`The page has no #${id}`);
  return node;
}

/**
 * Put `nodes` into `parent` in this order, moving as few as possible so that focus and scroll stay.
 * @param {Element} parent
 * @param {Element[]} nodes
 */
export function reconcile(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  nodes.forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
}
