// Folding: rows with aria-level fold their deeper followers when their aria-expanded is set to false.
// What the reader folded is kept in the address: rows with data-fold="key" are folded unless their key is in
// `unfold`; of a table with data-folds, `fold` and `unfold` hold the ids of rows, or `all`. A row whose twist
// has no data-twist unfolds by the page that it links to. Opened <details> are kept in the history's entry.
import { everywhere, load } from "./swap.js";

/** @param {Element} row @returns {HTMLAnchorElement | null} the link to what is folded and not in the page */
export const far = (row) => row.querySelector("a.twist:not([data-twist])");

/** @param {Element} row */
const level = (row) => Number(row.getAttribute("aria-level"));

/** @param {Element} row */
function followers(row) {
  const found = [];
  for (let next = row.nextElementSibling; next; next = next.nextElementSibling) {
    if (next.hasAttribute("aria-level") && level(next) <= level(row)) break;
    found.push(next);
  }
  return found;
}

/** Rows that are not in the page, by the page that has them. @param {string} address */
export async function loadRows(address) {
  const target = document.getElementById("waterfall");
  if (!target || !(await load(address, { target, select: "#waterfall", how: "outerHTML" }))) return location.assign(address);
  history.replaceState(history.state, "", address);
}

/**
 * Fold or unfold a row; the promise is kept when its rows are there.
 * @param {HTMLElement} row @param {boolean} open @param {boolean} [all] whether all rows are, which is kept as one word
 */
export async function fold(row, open, all = false) {
  if (!row.hasAttribute("aria-expanded")) return;
  const link = open && far(row);
  if (link) return loadRows(link.href);
  row.setAttribute("aria-expanded", String(open));
  if (row.dataset.fold) remember(row.dataset.fold, open, "");
  else if (row.closest("[data-folds]")) remember(all ? "all" : row.id, open, "fold");
  const shut = [];
  for (const next of followers(row)) {
    while (shut.length && level(next) && level(next) <= shut[shut.length - 1]) shut.pop();
    /** @type {HTMLElement} */ (next).hidden = !open || shut.length > 0;
    if (level(next) && next.getAttribute("aria-expanded") === "false") shut.push(level(next));
  }
}

/**
 * Keep in the address that a row is folded or unfolded.
 * @param {string} key @param {boolean} open @param {string} folded the argument that holds what is folded, if there is one
 */
function remember(key, open, folded) {
  const address = new URL(location.href);
  for (const [name, holds] of /** @type {[string, boolean][]} */ ([["unfold", open], [folded, !open]])) {
    if (!name) continue;
    const ids = new Set(key === "all" ? [] : (address.searchParams.get(name) ?? "").split(",").filter(Boolean));
    if (holds) ids.add(key);
    else ids.delete(key);
    if (ids.size) address.searchParams.set(name, [...ids].join(","));
    else address.searchParams.delete(name);
  }
  const wanted = address.href.replaceAll("%2C", ",");
  if (wanted !== location.href) history.replaceState(history.state, "", wanted);
}

/** An address of this page with the runs unfolded that are so now. @param {string} address */
export function asFolded(address) {
  if (!document.querySelector("[data-row][data-fold], [data-folds]")) return address;
  const wanted = new URL(address, location.href);
  for (const name of ["fold", "unfold"]) {
    const kept = new URL(location.href).searchParams.get(name);
    if (kept) wanted.searchParams.set(name, kept);
    else wanted.searchParams.delete(name);
  }
  return wanted.href.replaceAll("%2C", ",");
}

const DETAILS = "main details:not(.menu)";

/** Which <details> of the page this is: by its id, else by its words and its place. @param {Element} details */
function nameOf(details) {
  if (details.id) return details.id;
  const words = details.querySelector("summary")?.textContent?.trim().replace(/[\d,]+/g, "#") ?? "";
  const alike = [...document.querySelectorAll(DETAILS)].filter((each) => !each.id && each.querySelector("summary")?.textContent?.trim().replace(/[\d,]+/g, "#") === words);
  return `${words} ${alike.indexOf(details)}`;
}

/** Open and shut <details> as the reader left them at this entry of the history. @param {ParentNode} root */
function restore(root) {
  const left = history.state?.details;
  if (!left) return;
  for (const details of root.querySelectorAll("details")) {
    const open = details.matches(DETAILS) ? left[nameOf(details)] : undefined;
    if (open !== undefined) /** @type {HTMLDetailsElement} */ (details).open = open;
  }
}

export function start() {
  everywhere(restore);
  document.addEventListener("toggle", (event) => {
    const details = /** @type {HTMLDetailsElement} */ (event.target);
    if (!details.matches(DETAILS)) return;
    history.replaceState({ ...history.state, details: { ...history.state?.details, [nameOf(details)]: details.open } }, "");
  }, { capture: true });
  // What arrived under a folded row is folded with it.
  everywhere((root) => {
    for (const row of root.querySelectorAll("[data-rows] [data-row][aria-level][aria-expanded='false']")) {
      for (const next of followers(row)) /** @type {HTMLElement} */ (next).hidden = true;
    }
  });
}
