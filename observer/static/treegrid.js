// Rows that are walked by j and k, opened in place, and folded (folding.js).
// <… data-rows> holds [data-row] elements. A row with <a data-open href="…"> opens in place: the
// element that the page at that address has after the row, marked data-detail="<row id>", is put here.
import { asFolded, far, fold, loadRows } from "./folding.js";
import { elsewhere, load } from "./swap.js";

/** @returns {HTMLElement[]} */
const rows = () => [...document.querySelectorAll("[data-rows] [data-row]")].filter(
  (row) => !(/** @type {HTMLElement} */ (row).hidden) && row.getClientRects().length > 0,
);

/** The row that has the focus, or whose detail has it, or the chosen one. */
export function current() {
  const active = document.activeElement;
  const detail = active?.closest("[data-detail]");
  const row = detail ? document.getElementById(detail.dataset.detail) : active?.closest("[data-row]");
  return row ?? document.querySelector("[data-rows] [data-row][aria-selected='true']");
}

/** @param {HTMLElement} row */
export function focus(row) {
  const target = row.hasAttribute("tabindex") ? row : (row.querySelector("a[data-open], a[data-main]") ?? row.querySelector("a, button"));
  for (const other of document.querySelectorAll("[data-rows] [data-row][tabindex='0']")) other.setAttribute("tabindex", "-1");
  if (row.hasAttribute("tabindex")) row.setAttribute("tabindex", "0");
  /** @type {HTMLElement | null} */ (target)?.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

/** @param {string} where `next`, `previous`, `first`, `last` or `open` */
export function move(where) {
  const all = rows();
  if (!all.length) return false;
  const now = all.indexOf(/** @type {HTMLElement} */ (current()));
  if (where === "open") {
    if (now < 0) return false;
    const active = document.activeElement;
    if (active instanceof HTMLAnchorElement || active instanceof HTMLButtonElement || active?.closest("summary")) return false;
    /** @type {HTMLElement | null} */ (all[now].querySelector("a[data-open], a[data-main]") ?? all[now].querySelector("a"))?.click();
    return true;
  }
  const next = { next: Math.min(now + 1, all.length - 1), previous: Math.max(now - 1, 0), first: 0, last: all.length - 1 }[where];
  focus(all[next ?? 0]);
  return true;
}

/** Rows may take the place of this one: the focus goes to the one with its id. @param {Promise<void>} done @param {Element | null} row */
async function thenFocus(done, row) {
  await done;
  const now = document.getElementById(row?.id ?? "");
  if (now) focus(now);
}

/** @param {HTMLElement} row @param {boolean} open */
function toggle(row, open) {
  if (open && far(row)) thenFocus(fold(row, open), row);
  else fold(row, open);
}

/** @param {string} how `in`, `out`, `all-in` or `all-out` */
export function foldBy(how) {
  const row = /** @type {HTMLElement | null} */ (current());
  if (how.startsWith("all")) {
    const all = [...document.querySelectorAll("[data-rows] [data-row][aria-expanded]")];
    const everything = /** @type {HTMLElement | null} */ (document.querySelector("[data-unfold-all]"))?.dataset.unfoldAll;
    if (how === "all-out" && everything && all.some(far)) return thenFocus(loadRows(everything), row);
    for (const each of all) fold(/** @type {HTMLElement} */ (each), how === "all-out", true);
    return all.length > 0;
  }
  if (!row?.hasAttribute("aria-level")) return false;
  const open = row.getAttribute("aria-expanded");
  if (how === "out" && open === "false") toggle(row, true);
  else if (how === "in" && open === "true") toggle(row, false);
  else if (how === "out") move("next");
  else {
    const level = Number(row.getAttribute("aria-level"));
    let up = row.previousElementSibling;
    while (up && !(Number(up.getAttribute("aria-level")) < level && up.matches("[data-row]"))) up = up.previousElementSibling;
    if (up) focus(/** @type {HTMLElement} */ (up));
  }
  return true;
}

/** @param {HTMLAnchorElement} link */
async function openRow(link) {
  const row = /** @type {HTMLElement} */ (link.closest("[data-row]"));
  const here = document.querySelector(`[data-detail="${CSS.escape(row.id)}"]`);
  for (const each of row.querySelectorAll("a[data-open]")) each.setAttribute("aria-expanded", String(!here));
  // The link of a row that the page had open leads away from it, for those without script.
  const address = link.dataset.opens ?? link.href;
  if (here) {
    here.remove();
    const shut = /** @type {HTMLElement | null} */ (link.closest("[data-shut]"))?.dataset.shut;
    if (shut) history.replaceState(history.state, "", asFolded(shut));
    return;
  }
  const select = `[data-detail="${CSS.escape(row.id)}"]`;
  if (!(await load(address, { target: row, select, how: "afterend ignoreTitle:true" }))) return location.assign(address);
  history.replaceState(history.state, "", asFolded(address));
}

export function start() {
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const link = target.closest?.("a[data-open]");
    if (link instanceof HTMLAnchorElement && !elsewhere(event)) {
      event.preventDefault();
      openRow(link);
      return;
    }
    const row = target.closest?.("[data-row][data-whole]");
    if (row && !target.closest("a, button, summary, input, label") && !String(getSelection())) {
      /** @type {HTMLElement | null} */ (row.querySelector("a[data-open], a[data-main]"))?.click();
    }
    const twist = target.closest?.("[data-twist], .twist:not(.none)");
    if (twist && !elsewhere(event)) {
      event.preventDefault();
      const of = /** @type {HTMLElement} */ (twist.closest("[data-row]"));
      toggle(of, of.getAttribute("aria-expanded") === "false");
    }
  });
}
