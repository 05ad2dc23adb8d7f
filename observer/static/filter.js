// <input data-filter="#list"> hides the [data-text] items of a list that do not contain what is typed;
// items may stand within items: a branch is shown for what is in it, and what is in it for the branch.
// <form data-submit-on-change> is sent when one of its choices changes.
import { say } from "./messages.js";
import { everywhere } from "./swap.js";

/** What an item says of itself: its data-text, the [data-words] in it, or all of it. @param {HTMLElement} item */
function words(item) {
  return (item.dataset.text || (item.querySelector("[data-words]") ?? item).textContent || "").toLowerCase();
}

/** Show what fits, what is within it, and the way down to it. @param {HTMLInputElement} input */
function apply(input) {
  const list = document.querySelector(input.dataset.filter ?? "");
  if (!list) return;
  const wanted = input.value.trim().toLowerCase();
  const items = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[data-text]")]);
  const above = (/** @type {HTMLElement} */ item) => /** @type {HTMLElement | null | undefined} */ (item.parentElement?.closest("[data-text]"));
  const shown = new Set();
  for (const item of items) if (!wanted || words(item).includes(wanted) || shown.has(above(item))) shown.add(item);
  for (const item of [...shown]) for (let up = above(item); wanted && up && list.contains(up); up = above(up)) {
    shown.add(up);
    for (const fold of up.querySelectorAll(":scope > details")) fold.setAttribute("open", "");
  }
  for (const item of items) item.hidden = !shown.has(item);
  const leaves = items.filter((item) => !item.querySelector("[data-text]"));
  if (wanted) say(`${leaves.filter((leaf) => shown.has(leaf)).length} of ${leaves.length} shown`);
}

export function start() {
  everywhere((root) => {
    for (const field of root.querySelectorAll("[data-filter]")) /** @type {HTMLElement} */ (field).hidden = false;
  });
  document.addEventListener("input", (event) => {
    const input = event.target;
    if (input instanceof HTMLInputElement && input.dataset.filter) apply(input);
  });
  document.addEventListener("change", (event) => {
    const form = /** @type {Element} */ (event.target).closest?.("form[data-submit-on-change]");
    if (form instanceof HTMLFormElement) form.requestSubmit();
  });
}
