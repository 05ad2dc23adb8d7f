// Rows that the page does not hold: a row whose twist has no data-twist unfolds by the page that it links to,
// and the part marked data-refill is taken from there.
import { announceContent, page } from "./part.js";

/** @param {Element} row @returns {HTMLAnchorElement | null} the link to what is folded and not in the page */
export const far = (row) => row.querySelector("a.twist:not([data-twist])");

/** @param {string} address */
export async function refill(address) {
  const old = document.querySelector("[data-refill]");
  old?.classList.add("busy");
  const next = await page(address).catch(() => null);
  old?.classList.remove("busy");
  const fresh = next?.querySelector("[data-refill]");
  if (!old || !fresh) return location.assign(address);
  old.replaceWith(fresh);
  announceContent(fresh);
  history.replaceState(history.state, "", address);
}
