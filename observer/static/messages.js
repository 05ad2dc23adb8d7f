// Messages: to those who listen instead of looking, and to everybody.

const TOAST_MS = 2500;

/**
 * Say something to those who listen.
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
