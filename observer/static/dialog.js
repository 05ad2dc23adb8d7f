// <a data-dialog hx-get="…">: htmx puts the [data-dialog-body] of that page into the page's one <dialog>.
// With data-dialog="address" the page's own address changes with it, so that a copied link opens the dialog
// again (<body data-open-dialog>) and Back closes it. What a dialog awaits is asked for for a minute.
// Menus that are <details> close when one clicks elsewhere.
import { say } from "./messages.js";
import { load } from "./swap.js";

const MOST_LOOKS = 30;

/** @returns {HTMLDialogElement} */
const box = () => /** @type {HTMLDialogElement} */ (document.getElementById("dialog"));
/** @returns {HTMLElement} */
const body = () => /** @type {HTMLElement} */ (document.getElementById("dialog-body"));
/** @param {Event} event */
const contextOf = (event) => /** @type {CustomEvent} */ (event).detail.ctx;

/** @param {string} words */
function message(words) {
  const place = document.createElement("p");
  place.textContent = words;
  body().replaceChildren(place);
  box().removeAttribute("aria-labelledby");
}

function show() {
  message("Loading …");
  if (!box().open) box().showModal();
}

function fail() {
  message("This could not be loaded: the observer did not answer. Close and try again.");
  say(body().textContent ?? "");
}

/** What stands in the dialog now names it and gets the focus. */
function arrive() {
  const title = body().querySelector("h1, h2");
  if (title) box().setAttribute("aria-labelledby", (title.id ||= "dialog-title"));
  const first = body().querySelector("[data-first-focus]") ?? box().querySelector("button");
  /** @type {HTMLElement | null} */ (first)?.focus();
}

/** @param {string} address */
async function open(address) {
  if (!window.htmx) return location.assign(address);
  show();
  const how = "innerHTML ignoreTitle:true";
  if (!(await load(address, { target: body(), select: "[data-dialog-body]", how }))) fail();
}

function forget() {
  if (history.state?.pushed) history.back();
  else if (document.body.dataset.closedHere) history.replaceState(null, "", document.body.dataset.closedHere);
}

/** How often an element has looked for what it awaits. @type {WeakMap<Element, number>} */
const looks = new WeakMap();

/** @param {Event} event */
function beforeLook(event) {
  const asker = contextOf(event).sourceElement;
  if (event.defaultPrevented || !asker.matches("[data-awaits]")) return;
  const seen = (looks.get(asker) ?? 0) + 1;
  looks.set(asker, seen);
  if (seen <= MOST_LOOKS) asker.textContent = "Looking again every 2 seconds …";
  else {
    event.preventDefault();
    if (seen === MOST_LOOKS + 1) say((asker.textContent = asker.dataset.givenUp));
  }
}

/** What is still awaited stays as it is; what has arrived is announced. @param {Event} event */
function beforeSwap(event) {
  const { ctx, tasks } = /** @type {CustomEvent} */ (event).detail;
  const asker = ctx.sourceElement;
  if (event.defaultPrevented || !asker?.matches?.("[data-awaits], [data-looks-again]")) return;
  if (tasks[0].fragment.querySelector("[data-awaits]")) {
    event.preventDefault();
    if (asker.matches("[data-looks-again]")) say("Not here yet.");
  } else ctx.arrived = ctx.target.querySelector("[data-awaits]")?.dataset.arrived ?? "";
}

/** @param {Event} event */
function afterSwap(event) {
  const { arrived, target } = contextOf(event);
  if (target === body() && arrived === undefined) arrive();
  if (arrived === undefined) return;
  say(arrived);
  if (!target.contains(document.activeElement)) {
    /** @type {HTMLElement | null} */ (target.querySelector("[data-first-focus]"))?.focus({ preventScroll: true });
  }
}

export function start() {
  document.addEventListener("htmx:config:request", beforeLook);
  document.addEventListener("htmx:before:request", (event) => {
    const link = contextOf(event).sourceElement;
    if (!link.matches("a[data-dialog]")) return;
    if (link.dataset.dialog) history.pushState({ dialog: link.href, pushed: true }, "", link.dataset.dialog);
    show();
  });
  document.addEventListener("htmx:before:swap", beforeSwap);
  document.addEventListener("htmx:after:swap", afterSwap);
  document.addEventListener("htmx:error", (event) => {
    const ctx = contextOf(event);
    if (ctx?.sourceElement.matches("a[data-dialog]")) fail();
    else if (ctx?.sourceElement.matches("[data-looks-again]")) location.assign(ctx.sourceElement.href);
  });
  document.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
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
