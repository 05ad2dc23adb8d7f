// <input data-filter="#list"> hides the [data-text] items of a list that do not contain what is typed.
// <form data-submit-on-change> is sent when one of its choices changes.
import { everywhere, say } from "./part.js";

/** @param {HTMLInputElement} input */
function apply(input) {
  const list = document.querySelector(input.dataset.filter ?? "");
  if (!list) return;
  const wanted = input.value.trim().toLowerCase();
  const items = list.querySelectorAll("[data-text]");
  let shown = 0;
  for (const item of items) {
    const text = (/** @type {HTMLElement} */ (item).dataset.text || item.textContent || "").toLowerCase();
    const fits = !wanted || text.includes(wanted);
    /** @type {HTMLElement} */ (item).hidden = !fits;
    if (fits) shown += 1;
  }
  if (wanted) say(`${shown} of ${items.length} shown`);
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
