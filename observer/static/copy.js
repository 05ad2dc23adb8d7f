// Buttons that copy: <button data-copy="text" hidden>, and the link to exactly this page.
import { everywhere, say } from "./part.js";

/** @param {string} text @param {string} what */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied`);
    return true;
  } catch {
    window.prompt("Copy this:", text);
    return false;
  }
}

/** The address of what is seen now, with absolute times. */
export function permalink() {
  const fixed = new URL(document.body.dataset.permalink ?? location.href, location.href);
  const now = new URL(location.href);
  for (const [name, value] of now.searchParams) {
    if (!["since", "from", "to", "live"].includes(name)) fixed.searchParams.set(name, value);
  }
  for (const name of [...fixed.searchParams.keys()]) {
    if (!["from", "to"].includes(name) && !now.searchParams.has(name)) fixed.searchParams.delete(name);
  }
  return fixed.href;
}

export function start() {
  everywhere((root) => {
    for (const button of root.querySelectorAll("[data-copy]")) /** @type {HTMLElement} */ (button).hidden = false;
  });
  document.addEventListener("click", async (event) => {
    const button = /** @type {Element} */ (event.target).closest?.("[data-copy]");
    if (!(button instanceof HTMLElement)) return;
    if (await copy(button.dataset.copy ?? "", "Text")) {
      button.classList.add("copied");
      setTimeout(() => button.classList.remove("copied"), 1200);
    }
  });
}
