// <a data-swap="#one #two">: follow a link by exchanging only these parts of the page.
// The address changes as if the link had been followed, and Back goes back.
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
  const place = document.querySelector(wanted[0]);
  place?.classList.add("busy");
  try {
    if (!exchange(await page(address), wanted)) location.assign(address);
  } catch {
    location.assign(address);
  }
}

export function start() {
  document.addEventListener("click", async (event) => {
    const link = /** @type {Element} */ (event.target).closest?.("a[data-swap]");
    if (!(link instanceof HTMLAnchorElement) || elsewhere(event)) return;
    event.preventDefault();
    const wanted = (link.dataset.swap ?? "").split(" ");
    const focus = link.dataset.focus;
    history.replaceState({ ...history.state, swap: wanted }, "");
    await go(link.href, wanted);
    if (location.href !== link.href) history.pushState({ swap: wanted }, "", link.href);
    if (focus) /** @type {HTMLElement | null} */ (document.querySelector(focus))?.focus({ preventScroll: false });
  });
  window.addEventListener("popstate", (event) => {
    if (event.state?.swap) go(location.href, event.state.swap);
  });
}
