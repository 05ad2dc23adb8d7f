// The keyboard: acts on the one table of observer/components/keyboard.py, which base.html puts in <body data-keys>.
import { copy, permalink } from "./copy.js";
import { current, focus, foldBy, move } from "./treegrid.js";

/** @returns {Document | HTMLElement} the layer that the keys act in: an open dialog, else the page */
function layer() {
  return /** @type {HTMLElement | null} */ (document.querySelector("dialog[open]")) ?? document;
}

/** @param {ParentNode} root @param {string} name */
function find(root, name) {
  return /** @type {HTMLElement | null} */ (root.querySelector(`[data-key~="${name}"]:not([hidden])`));
}

/** @param {string} name */
function follow(name) {
  const target = find(layer(), name);
  target?.click();
  return Boolean(target);
}

/** @param {string} name */
function type(name) {
  const field = find(layer(), name) ?? find(document, "seek");
  field?.focus();
  if (field instanceof HTMLInputElement) field.select();
  return Boolean(field);
}

/** The link of this name that belongs to the row, its opened detail, the dialog or the page. @param {string} name */
function near(name) {
  const row = current();
  const detail = row ? document.querySelector(`[data-detail="${CSS.escape(row.id)}"]`) : null;
  const places = layer() === document ? [detail, row, document] : [layer()];
  for (const place of places) {
    // A closed row has no room for every link: it names where they lead.
    const address = place === row && !find(/** @type {HTMLElement} */ (row ?? document), name) ? row?.dataset[name] : undefined;
    if (address) {
      location.assign(address);
      return true;
    }
    const target = place && find(place, name);
    if (target) {
      target.click();
      return true;
    }
  }
  return false;
}

/** Step to the next row with this mark, around the end. @param {string} what e.g. `origin next` */
function mark(what) {
  const [word, way] = what.split(" ");
  const marked = [...document.querySelectorAll(`[data-rows] [data-row]`)].filter(
    (row) => row.getClientRects().length > 0 && (row.matches(`[data-mark~="${word}"]`) || row.querySelector(`[data-mark~="${word}"]`)),
  );
  if (!marked.length) return false;
  const now = current();
  const after = (/** @type {Element} */ row) => !now || now.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_FOLLOWING;
  const before = (/** @type {Element} */ row) => now && now.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_PRECEDING;
  const next = way === "next" ? marked.find(after) ?? marked[0] : marked.filter(before).at(-1) ?? marked[marked.length - 1];
  focus(/** @type {HTMLElement} */ (next));
  return true;
}

/** Close the topmost layer only: a menu, then an opened detail. A dialog closes itself. */
function closeOne() {
  if (document.querySelector("dialog[open]")) return false;
  const menu = document.querySelector("details.menu[open]");
  if (menu) {
    menu.removeAttribute("open");
    /** @type {HTMLElement | null} */ (menu.querySelector("summary"))?.focus();
    return true;
  }
  const row = current();
  const wanted = "a[data-open][aria-expanded='true']";
  const open = row?.querySelector(wanted) ?? [...document.querySelectorAll(`[data-rows] ${wanted}`)].at(-1);
  if (open) {
    /** @type {HTMLElement} */ (open).click();
    focus(/** @type {HTMLElement} */ (open.closest("[data-row]")));
    return true;
  }
  return follow("close");
}

/** @type {Record<string, (target: string) => unknown>} */
const ACTIONS = {
  follow,
  focus: type,
  near,
  mark,
  row: move,
  fold: foldBy,
  layer: closeOne,
  copy: () => { copy(permalink(), "Link to exactly this"); return true; },
};

/** @param {KeyboardEvent} event */
function typing(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button", "submit"].includes(target.type);
}

export function start() {
  /** @type {Record<string, [string, string]>} */
  const table = JSON.parse(document.body.dataset.keys ?? "{}");
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    if (typing(event)) {
      // A field of an open menu is left together with its menu; the focus goes to what opened it.
      if (event.key !== "Escape") return;
      const target = /** @type {HTMLElement} */ (event.target);
      if (!(target.closest("details.menu[open]") && closeOne())) target.blur();
      return;
    }
    const found = table[event.key];
    if (!found) return;
    const inDialog = document.querySelector("dialog[open]");
    if (inDialog && !["near", "copy", "layer"].includes(found[0])) return;
    if (ACTIONS[found[0]]?.(found[1])) event.preventDefault();
  });
}
