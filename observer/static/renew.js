// Parts of the page exchanged for what they are now, while the reader goes on: rows that are open stay
// open, folds stay as they are, the focus stays on its row, and what is looked at stays where it is.
import { announceContent, page } from "./part.js";
import { current, fold } from "./treegrid.js";

/** The first row in view, and where it stands. */
function anchor() {
  const row = [...document.querySelectorAll("[data-row]")].find((each) => each.getBoundingClientRect().bottom > 0 && each.getClientRects().length > 0);
  return row ? { id: row.id, top: row.getBoundingClientRect().top } : null;
}

/** @param {string} id */
const byId = (id) => document.getElementById(id);

/** @param {string[]} parts selectors, each of one element @returns {Promise<boolean>} */
export async function renew(parts) {
  const next = await page(location.href);
  const here = parts.map((part) => document.querySelector(part));
  const there = parts.map((part) => next.querySelector(part));
  if (here.includes(null) || there.includes(null)) return false;
  const seen = anchor();
  const focused = document.activeElement?.closest("[data-row]") ? current()?.id : undefined;
  const details = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-detail]")]);
  const folds = [...document.querySelectorAll("[data-row][data-fold]")].map((row) => [row.id, row.getAttribute("aria-expanded")]);
  here.forEach((part, n) => part?.replaceWith(/** @type {Element} */ (there[n])));
  for (const [id, expanded] of folds) {
    const row = byId(id ?? "");
    if (row && row.getAttribute("aria-expanded") !== expanded) fold(row, expanded === "true");
  }
  for (const detail of details) {
    const row = byId(detail.dataset.detail ?? "");
    if (!row || row.nextElementSibling?.matches("[data-detail]")) continue;
    row.after(detail);
    for (const link of row.querySelectorAll("a[data-open]")) link.setAttribute("aria-expanded", "true");
  }
  for (const part of there) announceContent(/** @type {Element} */ (part));
  if (focused) byId(focused)?.focus({ preventScroll: true });
  const now = seen && byId(seen.id);
  if (now) window.scrollBy({ top: now.getBoundingClientRect().top - seen.top, behavior: "instant" });
  return true;
}
