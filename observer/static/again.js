// <p data-again="address">: what is awaited is asked for every two seconds for a minute. When the page at
// that address waits no more, its [data-dialog-body] takes the place of the one that stands here.
// <a data-look-again> does so at once.
import { announceContent, elsewhere, everywhere, page, say } from "./part.js";

const EVERY_MS = 2000;
const MOST = 30;

/** @param {HTMLElement} body @param {string} address */
async function look(body, address) {
  const next = (await page(address)).querySelector("[data-dialog-body]");
  if (!(next instanceof HTMLElement) || !body.isConnected || next.querySelector("[data-again]")) return false;
  const title = body.querySelector("h1, h2")?.id;
  if (title) /** @type {HTMLElement} */ (next.querySelector("h1, h2")).id = title;
  const words = /** @type {HTMLElement | null} */ (body.querySelector("[data-again]"))?.dataset.againNews;
  body.replaceWith(next);
  announceContent(next);
  /** @type {HTMLElement | null} */ (next.querySelector("[data-first-focus]"))?.focus({ preventScroll: true });
  if (words) say(words);
  return true;
}

/** @param {HTMLElement} place */
function wait(place) {
  const body = /** @type {HTMLElement | null} */ (place.closest("[data-dialog-body]"));
  if (!body) return;
  place.textContent = "Looking again every 2 seconds …";
  let left = MOST;
  const turn = async () => {
    if (!place.isConnected) return;
    if (!document.hidden) {
      left -= 1;
      if (await look(body, place.dataset.again ?? "").catch(() => false)) return;
    }
    if (left > 0) setTimeout(turn, EVERY_MS);
    else {
      place.textContent = place.dataset.againOver ?? "";
      say(place.textContent);
    }
  };
  setTimeout(turn, EVERY_MS);
}

export function start() {
  everywhere((root) => {
    for (const place of root.querySelectorAll("[data-again]")) wait(/** @type {HTMLElement} */ (place));
  });
  document.addEventListener("click", (event) => {
    const link = /** @type {Element} */ (event.target).closest?.("a[data-look-again]");
    const body = link?.closest("[data-dialog-body]");
    if (!(link instanceof HTMLAnchorElement) || !(body instanceof HTMLElement) || elsewhere(event)) return;
    event.preventDefault();
    look(body, link.href).then((came) => { if (!came) say("Not here yet."); }, () => location.assign(link.href));
  });
}
