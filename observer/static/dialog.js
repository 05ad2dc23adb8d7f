// <a data-dialog href="…">: show the part of that page marked data-dialog-body in a native dialog.
// With data-dialog-here="address" the page's own address changes with it, so that a copied
// link opens the dialog again (<body data-open-dialog>) and Back closes it.
// Menus that are <details> close when one clicks elsewhere.
import { announceContent, elsewhere, page } from "./part.js";

/** @returns {HTMLDialogElement} */
const box = () => /** @type {HTMLDialogElement} */ (document.getElementById("dialog"));

/** @param {string} address */
async function open(address) {
  const dialog = box();
  dialog.replaceChildren(head(), words("Loading …"));
  if (!dialog.open) dialog.showModal();
  try {
    const next = await page(address);
    const body = next.querySelector("[data-dialog-body]") ?? next.querySelector("main") ?? next.body;
    const place = document.createElement("div");
    place.className = "dialog-body";
    place.append(...(body.matches("[data-dialog-body]") ? [body] : body.childNodes));
    const title = place.querySelector("h1, h2");
    if (title) {
      title.id ||= "dialog-title";
      dialog.setAttribute("aria-labelledby", title.id);
    }
    dialog.replaceChildren(head(), place);
    announceContent(place);
    const first = place.querySelector("[data-first-focus]") ?? dialog.querySelector("button");
    /** @type {HTMLElement | null} */ (first)?.focus();
  } catch {
    dialog.replaceChildren(head(), words("This could not be loaded: the observer did not answer. Close and try again."));
  }
}

function head() {
  const row = document.createElement("div");
  row.className = "dialog-head";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Close";
  button.addEventListener("click", () => box().close());
  row.append(button);
  return row;
}

/** @param {string} text */
function words(text) {
  const place = document.createElement("p");
  place.className = "dialog-body";
  place.textContent = text;
  return place;
}

/** @param {HTMLAnchorElement} link */
function remember(link) {
  const here = link.dataset.dialogHere;
  if (here) history.pushState({ dialog: link.href, pushed: true }, "", here);
}

function forget() {
  if (history.state?.pushed) history.back();
  else if (document.body.dataset.closedHere) history.replaceState(null, "", document.body.dataset.closedHere);
}

export function start() {
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    const link = target.closest?.("a[data-dialog]");
    if (link instanceof HTMLAnchorElement && !elsewhere(event)) {
      event.preventDefault();
      remember(link);
      open(link.href);
    }
    if (target === box()) box().close();
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(target)) menu.removeAttribute("open");
    }
  });
  box()?.addEventListener("close", () => { if (history.state?.dialog || document.body.dataset.openDialog) forget(); });
  window.addEventListener("popstate", (event) => {
    if (event.state?.dialog) open(event.state.dialog);
    else if (box()?.open) box().close();
  });
  const wanted = document.querySelector("[data-open-dialog]");
  if (wanted instanceof HTMLElement && wanted.dataset.openDialog) {
    document.body.dataset.openDialog = "1";
    document.body.dataset.closedHere = wanted.dataset.closedHere;
    open(wanted.dataset.openDialog);
  }
}
