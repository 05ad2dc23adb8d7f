// Pages as parts: fetch an address of our own and take out what is wanted.

const TOAST_MS = 2500;

/**
 * The document at an address of this origin; errors of ours are documents too.
 * @param {string} address
 * @returns {Promise<Document>}
 */
export async function page(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" }, redirect: "follow" });
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/**
 * Say something to those who listen instead of looking.
 * @param {string} words
 */
export function say(words) {
  const place = document.getElementById("say");
  if (place) place.textContent = words;
}

/**
 * Say something to everybody: to those who listen, and for a moment to those who look.
 * @param {string} words
 */
export function toast(words) {
  say(words);
  document.querySelector(".toast")?.remove();
  const place = document.createElement("div");
  place.className = "toast";
  place.setAttribute("aria-hidden", "true");
  place.textContent = words;
  (document.querySelector("dialog[open]") ?? document.body).append(place);
  setTimeout(() => place.remove(), TOAST_MS);
}

/**
 * Tell the other modules that new content stands in the page.
 * @param {Element} where
 */
export function announceContent(where) {
  document.dispatchEvent(new CustomEvent("lab:content", { detail: where }));
}

/**
 * Run for the whole page now and for each part that comes later.
 * @param {(root: ParentNode) => void} act
 */
export function everywhere(act) {
  act(document);
  document.addEventListener("lab:content", (event) => act(/** @type {CustomEvent} */ (event).detail));
}

/**
 * Whether a click asks for something else than following the link here.
 * @param {MouseEvent} event
 */
export function elsewhere(event) {
  return event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
}
