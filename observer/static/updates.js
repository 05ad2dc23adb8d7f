// Updates: what arrived is announced, never pulled under the reader, and shown in place when asked for.
// The server is asked by elements that have hx-trigger="every …" and by the live tail. A hidden page does not
// ask, a silent server is asked ever more slowly, and the live switch of the header says since when it is silent.
import { say } from "./messages.js";
import { loadPage, on } from "./swap.js";

export const EVERY_MS = 2500;
const PULSE_MS = 10_000;
const SLOWEST_MS = 20_000;
const ENOUGH_FAILURES = 2;
const OTHERS = "[hx-trigger^='every']:not([data-pulse]), tbody[data-tail]";

/** What asks, and how it fared. @type {Map<Element, {failures: number, pause: number, next: number, since: number}>} */
const askers = new Map();

/** Whether an element may ask now. @param {Element} asker */
export function due(asker) {
  if (document.hidden || Date.now() < (askers.get(asker)?.next ?? 0)) return false;
  return !asker.matches("[data-pulse]") || !document.querySelector(OTHERS);
}

/** @param {Element} asker @param {boolean} well whether it got an answer */
export function answered(asker, well) {
  const { failures, pause, since } = askers.get(asker) ?? { failures: 0, pause: EVERY_MS, since: 0 };
  // A little less than the pause, so that the turn at its end is not missed by a millisecond.
  const next = (/** @type {number} */ later) => Date.now() + later - EVERY_MS / 2;
  if (well) askers.set(asker, { failures: 0, pause: EVERY_MS, next: next(asker.matches("[data-pulse]") ? PULSE_MS : 0), since: 0 });
  else {
    const slower = failures + 1 < ENOUGH_FAILURES ? EVERY_MS : Math.min(pause * 2, SLOWEST_MS);
    askers.set(asker, { failures: failures + 1, pause: slower, next: next(slower), since: since || Date.now() });
  }
  showConnection();
}

/** Say in the header's switch since when something is not answered; one that is does not hide another that is not. */
function showConnection() {
  for (const asker of askers.keys()) if (!asker.isConnected) askers.delete(asker);
  const silent = [...askers.values()].filter(({ failures }) => failures >= ENOUGH_FAILURES);
  const live = document.querySelector("[data-live-switch]");
  const words = live?.lastChild;
  if (!(live instanceof HTMLElement) || !words || Boolean(silent.length) === live.classList.contains("lost")) return;
  live.classList.toggle("lost", Boolean(silent.length));
  if (silent.length) {
    live.dataset.words = words.textContent ?? "";
    const since = new Date(Math.min(...silent.map(({ since }) => since)));
    words.textContent = `Not connected since ${since.toLocaleTimeString("en-GB")}`;
    say(words.textContent);
  } else words.textContent = live.dataset.words ?? "";
}

/** Offer what arrived. @param {string} words @param {() => void} show */
export function announce(words, show) {
  const place = document.getElementById("updates");
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.key = "updates";
  button.dataset.words = words;
  button.textContent = `${words} · show`;
  button.addEventListener("click", show);
  if (!place || place.textContent === button.textContent) return;
  const focused = place.contains(document.activeElement);
  place.replaceChildren(button);
  if (focused) button.focus();
  sayOnce();
}

/** Take back what was offered. */
export function withdraw() {
  const place = document.getElementById("updates");
  place?.replaceChildren();
  place?.removeAttribute("data-said");
}

/** Where much arrives, a listener would hear nothing else. */
function sayOnce() {
  const place = document.getElementById("updates");
  const button = place?.querySelector("button");
  if (!place || !button || place.dataset.said !== undefined) return;
  place.dataset.said = "";
  say(button.dataset.words ?? "");
}

/** The row that is read, with the place where it stands; none at the top of a page, where one looks for what is new. */
function anchor() {
  const inView = (/** @type {Element} */ row) => row.getClientRects().length > 0 && row.getBoundingClientRect().bottom > 0;
  const own = document.activeElement?.closest("[data-row]");
  const row = own && inView(own) ? own : [...document.querySelectorAll("[data-row]")].find(inView);
  return row && window.scrollY ? { row, top: row.getBoundingClientRect().top } : null;
}

/** Show everything that arrived, in place. */
export async function showAll() {
  const place = document.getElementById("updates");
  const focused = place?.contains(document.activeElement);
  const seen = anchor();
  await loadPage("outerMorph");
  withdraw();
  if (seen?.row.isConnected) window.scrollBy({ top: seen.row.getBoundingClientRect().top - seen.top, behavior: "instant" });
  if (focused) document.getElementById("main")?.focus({ preventScroll: true });
}

export function start() {
  on("config:request", ({ ctx }, event) => {
    if (ctx.sourceEvent.type === "every" && !due(ctx.sourceElement)) event.preventDefault();
    ctx.asked = ctx.sourceElement.getAttribute("hx-get");
  });
  on("before:swap", ({ ctx }, event) => {
    // Shown meanwhile: what was asked for then would be offered again.
    if (ctx.target.id === "updates" && ctx.asked !== ctx.target.getAttribute("hx-get")) event.preventDefault();
  });
  on("after:settle", ({ task }) => { if (task.target.id === "updates") sayOnce(); });
  on("finally:request", ({ ctx }) => {
    if (ctx.sourceEvent.type === "every") answered(ctx.sourceElement, ctx.response?.status < 400);
  });
  const button = (/** @type {Event} */ event) => /** @type {Element} */ (event.target).closest?.("#updates button");
  document.addEventListener("click", (event) => {
    // The button of the live tail has its own way to show.
    if (button(event) && document.querySelector("#updates[hx-get]")) showAll();
  });
  // A click leaves the focus and the selection where they are.
  document.addEventListener("mousedown", (event) => { if (button(event)) event.preventDefault(); });
}
