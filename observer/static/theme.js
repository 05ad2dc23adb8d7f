// Theme without a page load, and the reader's time zone, both in cookies that the server reads.

const YEAR_S = 31_536_000;

/** @param {string} name @param {string} value */
function remember(name, value) {
  document.cookie = `${name}=${encodeURIComponent(value)}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax`;
}

/** @param {string} wanted */
function show(wanted) {
  if (wanted === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  for (const button of document.querySelectorAll("[data-theme-form] button")) {
    button.setAttribute("aria-pressed", String(/** @type {HTMLButtonElement} */ (button).value === wanted));
  }
}

export function start() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && /^[\w+/-]+$/.test(zone)) document.cookie = `zone=${zone}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax`;
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    const button = /** @type {HTMLButtonElement | null} */ (event.submitter);
    if (!form.matches("[data-theme-form]") || !button) return;
    event.preventDefault();
    remember("theme", button.value);
    show(button.value);
  });
}
