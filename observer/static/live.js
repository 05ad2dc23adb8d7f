// New data is announced, never pulled under the reader.
// <… data-news="address"> asks that address, which answers {"count": n, "words": "3 new sessions"}.
// With data-news-parts="#one #two" showing them exchanges these parts alone, and rows that are open stay so.
// <… id data-refresh> holds nothing but numbers, and is kept up to date.
// A page that asks nothing else asks /healthz, so that it knows whether anything still answers.
import { page, say } from "./part.js";
import { renew } from "./renew.js";
import { PULSE_MS, repeat } from "./repeat.js";

/** @param {string} words @param {() => void} show */
export function announce(words, show) {
  let place = document.querySelector(".news");
  const first = !place;
  if (!place) {
    place = document.createElement("div");
    place.className = "news";
    document.getElementById("main")?.append(place);
  }
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.key = "news";
  button.textContent = `${words} · show`;
  button.addEventListener("click", show);
  if (place.textContent !== button.textContent) {
    const focused = place.contains(document.activeElement);
    place.replaceChildren(button);
    if (focused) button.focus();
    // Said once: where much arrives, a listener would hear nothing else.
    if (first) say(words);
  }
}

/** @param {HTMLElement} place */
function news(place) {
  const show = () => {
    const parts = place.dataset.newsParts;
    if (!parts) return location.reload();
    renew(parts.split(" ")).then((shown) => {
      if (!shown) return location.reload();
      document.querySelector(".news")?.remove();
      place = document.querySelector("[data-news]") ?? place;
    }, () => location.reload());
  };
  repeat(async () => {
    if (!place.isConnected) return;
    const answer = await fetch(place.dataset.news ?? "", { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const { count, words } = await answer.json();
    if (count > 0) announce(words, show);
  });
}

/** Elements with data-refresh and an id hold numbers alone: they are exchanged for newer ones. */
function refresh() {
  repeat(async () => {
    const ids = [...document.querySelectorAll("[data-refresh][id]")].map((element) => element.id);
    const next = await page(location.href);
    if (ids.length && !ids.some((id) => next.getElementById(id))) throw new Error("an error page");
    for (const id of ids) {
      const here = document.getElementById(id);
      const there = next.getElementById(id);
      if (here && there && !here.contains(document.activeElement) && here.innerHTML !== there.innerHTML) here.replaceWith(there);
    }
  });
}

export function start() {
  const live = document.querySelector("[data-live-switch].on");
  if (live && !document.querySelector("[data-refresh][id], [data-news], tbody[data-tail]")) {
    repeat(async () => {
      const answer = await fetch("/healthz");
      if (!answer.ok) throw new Error(String(answer.status));
    }, PULSE_MS);
  }
  if (document.querySelector("[data-refresh][id]")) refresh();
  const place = document.querySelector("[data-news]");
  if (place instanceof HTMLElement) news(place);
}
