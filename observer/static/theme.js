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

/** Whether the reader has begun to fill in a form that a new load would empty. */
function typed() {
  // Browsers write a time in their own way, so its value differs from the default without being touched.
  return [...document.querySelectorAll("input:not([type=datetime-local]), textarea")].some(
    (field) => /** @type {HTMLInputElement} */ (field).value !== /** @type {HTMLInputElement} */ (field).defaultValue,
  );
}

/**
 * Tell the server the reader's time zone. The first page was written before it knew: it is asked for
 * once more if its times are of another zone, and never again for the same zone in this tab.
 */
function keepZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || !/^[\w+/-]+$/.test(zone)) return;
  document.cookie = `zone=${zone}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax`;
  const shown = document.body.dataset.zoneOffset;
  if (shown === undefined || Number(shown) === -new Date().getTimezoneOffset()) return;
  try {
    if (!document.cookie.includes(`zone=${zone}`) || sessionStorage.getItem("zone") === zone || typed()) return;
    sessionStorage.setItem("zone", zone);
  } catch {
    return; // Without a memory of having done it, it is not done.
  }
  location.reload();
}

export function start() {
  keepZone();
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    const button = /** @type {HTMLButtonElement | null} */ (event.submitter);
    if (!form.matches("[data-theme-form]") || !button) return;
    event.preventDefault();
    remember("theme", button.value);
    show(button.value);
  });
}
