// Buttons that copy: <button data-copy="text" hidden>, and the link to exactly this page.
import { toast } from "./messages.js";
import { everywhere } from "./swap.js";

/** @param {string} text @param {string} what */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${what} copied`);
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
  for (const name of new Set(fixed.searchParams.keys())) {
    if (!["from", "to"].includes(name)) fixed.searchParams.delete(name);
  }
  // A name may stand there several times: `attr` is one filter each.
  for (const [name, value] of now.searchParams) {
    if (!["since", "from", "to", "live"].includes(name)) fixed.searchParams.append(name, value);
  }
  return fixed.href;
}

export function start() {
  everywhere((root) => {
    for (const button of root.querySelectorAll("[data-copy], [data-copy-link]")) /** @type {HTMLElement} */ (button).hidden = false;
  });
  document.addEventListener("click", async (event) => {
    const button = /** @type {Element} */ (event.target).closest?.("[data-copy], [data-copy-link]");
    if (!(button instanceof HTMLElement)) return;
    const link = button.hasAttribute("data-copy-link");
    if (await copy(link ? permalink() : button.dataset.copy ?? "", link ? "Link to exactly this" : "Text")) {
      button.classList.add("copied");
      setTimeout(() => button.classList.remove("copied"), 1200);
    }
  });
}
