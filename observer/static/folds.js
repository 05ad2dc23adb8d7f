// Rows with aria-level fold their deeper followers when their aria-expanded is set to false.
// Rows with data-fold="key" are folded unless the address has their key in `unfold`.
import { current, focus, move } from "./treegrid.js";

/** @param {HTMLElement} row */
function followers(row) {
  const level = Number(row.getAttribute("aria-level"));
  const found = [];
  for (let next = row.nextElementSibling; next; next = next.nextElementSibling) {
    const depth = next.getAttribute("aria-level");
    if (depth && Number(depth) <= level) break;
    found.push(next);
  }
  return found;
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

/** @param {HTMLElement} row @param {boolean} open */
export function fold(row, open) {
  if (!row.hasAttribute("aria-expanded")) return;
  row.setAttribute("aria-expanded", String(open));
  remember(row, open);
  const shut = [];
  for (const next of followers(row)) {
    const level = Number(next.getAttribute("aria-level"));
    while (shut.length && level && level <= shut[shut.length - 1]) shut.pop();
    /** @type {HTMLElement} */ (next).hidden = !open || shut.length > 0;
    if (level && next.getAttribute("aria-expanded") === "false") shut.push(level);
  }
}

/** @param {string} how `in`, `out`, `all-in` or `all-out` */
export function foldBy(how) {
  const row = /** @type {HTMLElement | null} */ (current());
  if (how.startsWith("all")) {
    const all = [...document.querySelectorAll("[data-rows] [data-row][aria-expanded]")];
    for (const each of all) fold(/** @type {HTMLElement} */ (each), how === "all-out");
    return all.length > 0;
  }
  if (!row?.hasAttribute("aria-level")) return false;
  const open = row.getAttribute("aria-expanded");
  if (how === "out" && open === "false") fold(row, true);
  else if (how === "in" && open === "true") fold(row, false);
  else if (how === "out") move("next");
  else {
    const level = Number(row.getAttribute("aria-level"));
    let up = row.previousElementSibling;
    while (up && !(Number(up.getAttribute("aria-level")) < level && up.matches("[data-row]"))) up = up.previousElementSibling;
    if (up) focus(/** @type {HTMLElement} */ (up));
  }
  return true;
}
