// Parts of the page exchanged by htmx. When a part is morphed, what the reader did stays: folds, opened rows,
// opened <details>, what is typed. When it is exchanged whole, the server's state is the wanted one.
// A link with data-shows-detail exchanges the panel of one log: its row becomes the chosen one, and the
// address changes as if the link had been followed. Back and Forward exchange the whole of <main>.

/** What the server does not know of the reader's page: these attributes stay as they are on these elements. */
const KEPT = new Map([
  ["open", "details"],
  ["aria-expanded", "[data-row], a[data-open]"],
  ["hidden", "*"], // Rows are folded, items filtered, fields and buttons that need a script shown.
  ["tabindex", "[data-row]"],
  ["value", "input"],
]);

/** Act on an event of htmx. @param {string} name @param {(detail: any, event: Event) => void} act */
export function on(name, act) {
  document.addEventListener(`htmx:${name}`, (event) => act(/** @type {CustomEvent} */ (event).detail, event));
}

/** Run for the whole page now and for each part that comes later. @param {(root: ParentNode) => void} act */
export function everywhere(act) {
  act(document);
  document.addEventListener("lab:content", (event) => act(/** @type {CustomEvent} */ (event).detail));
}

/** Tell the other modules that new content stands in the page. @param {Node} where */
export function announceContent(where) {
  document.dispatchEvent(new CustomEvent("lab:content", { detail: where }));
}

/** Whether a click asks for something else than following the link here. @param {MouseEvent} event */
export function elsewhere(event) {
  return event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
}

/** The newest request for each part: an answer that was overtaken is dropped. @type {WeakMap<Element, object>} */
const newest = new WeakMap();

/**
 * Fetch a page and exchange parts of this one by it; says whether that could be done.
 * @param {string} address
 * @param {{target: Element, select: string, also?: string, how: string}} part `also` selects what is exchanged likewise
 */
export async function load(address, { target, select, also, how }) {
  if (!window.htmx) return false;
  const mine = {};
  newest.set(target, mine);
  target.classList.add("busy");
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    const ctx = { text: await answer.text(), response: answer, target, select, selectOOB: also && `${also}:${how}`, swap: how, done: false };
    if (newest.get(target) !== mine) return true;
    await window.htmx.swap(ctx);
    return ctx.done;
  } catch {
    return false;
  } finally {
    target.classList.remove("busy");
  }
}

/** The page as it is now, in place; loaded anew where that fails. @param {string} how */
export async function loadPage(how) {
  const target = /** @type {Element} */ (document.getElementById("main"));
  if (!(await load(location.href, { target, select: "#main", also: "#related", how }))) location.reload();
}

/** Put the rows that are open into the part that takes the place of theirs. @param {Element} old @param {ParentNode} next */
function keepOpen(old, next) {
  for (const detail of old.querySelectorAll("[data-detail]")) {
    const row = next.querySelector(`[id="${CSS.escape(/** @type {HTMLElement} */ (detail).dataset.detail ?? "")}"]`);
    if (row && !row.nextElementSibling?.matches("[data-detail]")) row.after(detail.cloneNode(true));
  }
}

/** The link to exactly this, as it stands in an answer's <body> tag. @param {string} text */
function permalinkOf(text) {
  const tag = text.match(/<body[^>]*>/)?.[0] ?? "";
  return new DOMParser().parseFromString(tag, "text/html").body.dataset.permalink;
}

/** @param {HTMLAnchorElement} link @param {HTMLElement | null} chosen the link of the row that was chosen before */
function follow(link, chosen) {
  const row = link.closest("[data-row]");
  for (const other of document.querySelectorAll("[data-row][aria-selected]")) other.removeAttribute("aria-selected");
  row?.setAttribute("aria-selected", "true");
  history.replaceState({ ...history.state, swapped: true }, "");
  if (location.href !== link.href) history.pushState({ swapped: true }, "", link.href);
  const focus = row ? document.querySelector(link.dataset.focus ?? "") : chosen;
  /** @type {HTMLElement | null} */ (focus)?.focus();
}

export function start() {
  window.htmx?.registerExtension("keep", {
    /** @param {Element} element @param {{attrName: string}} change */
    htmx_before_morph_attr: (element, { attrName }) => !KEPT.has(attrName) || !element.matches(KEPT.get(attrName) ?? ""),
  });
  on("before:request", ({ ctx }) => {
    if (!ctx.sourceElement.matches("a[data-shows-detail]")) return;
    // The link may be part of what is exchanged.
    ctx.link = ctx.sourceElement;
    ctx.chosen = document.querySelector("[data-row][aria-selected='true'] a[data-main]");
    ctx.target.classList.add("busy");
  });
  on("before:swap", ({ ctx, tasks }, event) => {
    // An error page takes the place of nothing but a dialog's words, and a page without the wanted part of nothing.
    const missing = ctx.select && !tasks[0]?.fragment.firstElementChild;
    if (missing || (ctx.response.status >= 400 && !ctx.target.closest("dialog"))) return event.preventDefault();
    for (const { target, fragment, swapSpec } of tasks) {
      if (target instanceof Element && swapSpec.style.endsWith("Morph")) keepOpen(target, fragment);
    }
  });
  on("after:swap", ({ ctx }) => {
    ctx.done = true;
    if (ctx.link || ctx.target.id === "main") document.body.dataset.permalink = permalinkOf(ctx.text) ?? document.body.dataset.permalink;
    if (ctx.link) follow(ctx.link, ctx.chosen);
  });
  on("after:settle", ({ newContent }) => {
    for (const node of newContent) if (node instanceof Element && node.isConnected) announceContent(node);
  });
  on("finally:request", ({ ctx }) => {
    ctx.target?.classList.remove("busy");
    // The page itself will say what is wrong.
    if (ctx.link && !ctx.done && !overtaken(ctx)) location.assign(ctx.link.href);
  });
  // htmx would prevent what a click with a modifier does; it does not see such a click.
  document.addEventListener("click", (event) => {
    if (elsewhere(event) && /** @type {Element} */ (event.target).closest?.("a[hx-get]")) event.stopPropagation();
  }, { capture: true });
  window.addEventListener("popstate", (event) => { if (event.state?.swapped) loadPage("outerHTML"); });
}

/** Whether another request took the place of this one. @param {{request: {signal: AbortSignal}}} ctx */
export function overtaken({ request: { signal } }) {
  return signal.aborted && signal.reason !== "timeout";
}
