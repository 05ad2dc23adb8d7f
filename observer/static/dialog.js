// <a data-dialog hx-get="…">: htmx puts the [data-dialog-body] of that page into the page's one <dialog>.
// With data-dialog="address" the page's own address changes with it, so that a copied link opens the dialog
// again (<body data-open-dialog>) and Back closes it. What a dialog awaits is asked for for a minute.
// Menus that are <details> close when one clicks elsewhere.
import { say } from "./messages.js";
import { on, overtaken } from "./swap.js";

const MOST_LOOKS = 30;

/** @returns {HTMLDialogElement} */
const box = () => /** @type {HTMLDialogElement} */ (document.getElementById("dialog"));
/** @returns {HTMLElement} */
const body = () => /** @type {HTMLElement} */ (document.getElementById("dialog-body"));

/** @param {string} words */
function message(words) {
  const place = document.createElement("p");
  place.textContent = words;
  body().replaceChildren(place);
  box().removeAttribute("aria-labelledby");
}

/** @param {string} address */
function open(address) {
  if (!window.htmx) return location.assign(address);
  window.htmx.ajax("GET", address, { source: box(), target: body(), select: "[data-dialog-body]", swap: "innerHTML ignoreTitle:true" });
}

function forget() {
  if (history.state?.pushed) history.back();
  else if (document.body.dataset.closedHere) history.replaceState(null, "", document.body.dataset.closedHere);
}

/** What stands in the dialog now names it and gets the focus. */
function arrive() {
  const title = body().querySelector("h1, h2");
  if (title) box().setAttribute("aria-labelledby", (title.id ||= "dialog-title"));
  const first = body().querySelector("[data-first-focus]") ?? box().querySelector("button");
  /** @type {HTMLElement | null} */ (first)?.focus();
}

/** How often an element has looked for what it awaits. @type {WeakMap<Element, number>} */
const looks = new WeakMap();

/** @param {HTMLElement} asker @param {Event} event */
function beforeLook(asker, event) {
  const seen = (looks.get(asker) ?? 0) + 1;
  looks.set(asker, seen);
  if (seen <= MOST_LOOKS) asker.textContent = "Looking again every 2 seconds …";
  else {
    event.preventDefault();
    if (seen === MOST_LOOKS + 1) say((asker.textContent = asker.dataset.givenUp ?? ""));
  }
}

export function start() {
  on("config:request", ({ ctx }, event) => {
    if (!event.defaultPrevented && ctx.sourceElement.matches("[data-awaits]")) beforeLook(ctx.sourceElement, event);
  });
  on("before:request", ({ ctx }) => {
    const link = ctx.sourceElement;
    if (ctx.target !== body()) return;
    if (link.dataset.dialog) history.pushState({ dialog: link.href, pushed: true }, "", link.dataset.dialog);
    message("Loading …");
    if (!box().open) box().showModal();
  });
  on("before:swap", ({ ctx, tasks }, event) => {
    const again = ctx.sourceElement?.matches?.("[data-looks-again]");
    if (event.defaultPrevented || !(again || ctx.sourceElement?.matches?.("[data-awaits]"))) return;
    // What is still awaited stays as it is; what has arrived is announced.
    if (!tasks[0].fragment.querySelector("[data-awaits]")) ctx.arrived = ctx.target.querySelector("[data-awaits]")?.dataset.arrived ?? "";
    else {
      event.preventDefault();
      if (again) say("Not here yet.");
    }
  });
  on("after:swap", ({ ctx }) => {
    if (ctx.target === body()) arrive();
    if (ctx.arrived === undefined) return;
    say(ctx.arrived);
    if (!ctx.target.contains(document.activeElement)) ctx.target.querySelector("[data-first-focus]")?.focus({ preventScroll: true });
  });
  on("finally:request", ({ ctx }) => {
    if (ctx.target !== body() || ctx.done || overtaken(ctx)) return;
    message("This could not be loaded: the observer did not answer. Close and try again.");
    say(body().textContent ?? "");
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
