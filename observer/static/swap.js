// <a data-swap="#one #two">: follow a link by exchanging only these parts of the page. The row that the
// link stands in becomes the chosen one. The address changes as if the link had been followed; Back and
// Forward exchange the whole of <main>, so that what is seen is what the address says.
import { announceContent, elsewhere, page } from "./part.js";

/** @param {Document} next @param {string[]} wanted */
function exchange(next, wanted) {
  for (const selector of wanted) {
    const here = document.querySelector(selector);
    const there = next.querySelector(selector);
    if (!here || !there) return false;
    here.replaceWith(there);
    announceContent(there);
  }
  document.title = next.title;
  if (next.body.dataset.permalink) document.body.dataset.permalink = next.body.dataset.permalink;
  return true;
}

/** @param {string} address @param {string[]} wanted */
async function go(address, wanted) {
  document.querySelector(wanted[0])?.classList.add("busy");
  try {
    if (exchange(await page(address), wanted)) return true;
  } catch {
    // The page itself will say what is wrong.
  }
  location.assign(address);
  return false;
}

/** @param {Element | null} row */
function choose(row) {
  for (const other of document.querySelectorAll("[data-row][aria-selected]")) other.removeAttribute("aria-selected");
  row?.setAttribute("aria-selected", "true");
}

export function start() {
  document.addEventListener("click", async (event) => {
    const link = /** @type {Element} */ (event.target).closest?.("a[data-swap]");
    if (!(link instanceof HTMLAnchorElement) || elsewhere(event)) return;
    event.preventDefault();
    const row = link.closest("[data-row]");
    const chosen = document.querySelector("[data-row][aria-selected='true'] a[data-main]");
    if (!(await go(link.href, (link.dataset.swap ?? "").split(" ")))) return;
    choose(row);
    history.replaceState({ ...history.state, swapped: true }, "");
    if (location.href !== link.href) history.pushState({ swapped: true }, "", link.href);
    const focus = link.dataset.focus ? document.querySelector(link.dataset.focus) : row ? null : chosen;
    /** @type {HTMLElement | null} */ (focus)?.focus();
  });
  window.addEventListener("popstate", (event) => {
    if (event.state?.swapped) go(location.href, ["#main"]);
  });
}
