// Folding: rows with aria-level fold their deeper followers when their aria-expanded is set to false.
// Which rows are unfolded is kept in the address: those with data-fold="key" are folded unless their key is
// in `unfold`. A row whose twist has no data-twist unfolds by the page that it links to.
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

/** Fold or unfold a row; the promise is kept when its rows are there. @param {HTMLElement} row @param {boolean} open */
export async function fold(row, open) {
  if (!row.hasAttribute("aria-expanded")) return;
  const link = open && far(row);
  if (link) return loadRows(link.href);
  row.setAttribute("aria-expanded", String(open));
  remember(row, open);
  const shut = [];
  for (const next of followers(row)) {
    while (shut.length && level(next) && level(next) <= shut[shut.length - 1]) shut.pop();
    /** @type {HTMLElement} */ (next).hidden = !open || shut.length > 0;
    if (level(next) && next.getAttribute("aria-expanded") === "false") shut.push(level(next));
  }
}

/** Keep which runs are unfolded in the address. @param {HTMLElement} row @param {boolean} open */
function remember(row, open) {
  if (!row.dataset.fold) return;
  const address = new URL(location.href);
  const ids = new Set((address.searchParams.get("unfold") ?? "").split(",").filter(Boolean));
  if (open) ids.add(row.dataset.fold);
  else ids.delete(row.dataset.fold);
  if (ids.size) address.searchParams.set("unfold", [...ids].join(","));
  else address.searchParams.delete("unfold");
  history.replaceState(history.state, "", address.href.replaceAll("%2C", ","));
}

/** An address of this page with the runs unfolded that are so now. @param {string} address */
export function asFolded(address) {
  if (!document.querySelector("[data-row][data-fold]")) return address;
  const wanted = new URL(address, location.href);
  const unfolded = new URL(location.href).searchParams.get("unfold");
  if (unfolded) wanted.searchParams.set("unfold", unfolded);
  else wanted.searchParams.delete("unfold");
  return wanted.href.replaceAll("%2C", ",");
}

export function start() {
  // What arrived under a folded row is folded with it.
  everywhere((root) => {
    for (const row of root.querySelectorAll("[data-rows] [data-row][aria-level][aria-expanded='false']")) {
      for (const next of followers(row)) /** @type {HTMLElement} */ (next).hidden = true;
    }
  });
}
