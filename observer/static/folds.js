// Which rows are unfolded, kept in the address: those with data-fold="key" are folded unless their key is
// in `unfold`. treegrid.js folds them.

/** Keep which runs are unfolded in the address. @param {HTMLElement} row @param {boolean} open */
export function remember(row, open) {
  if (!row.dataset.fold) return;
  const address = new URL(location.href);
  const ids = new Set((address.searchParams.get("unfold") ?? "").split(",").filter(Boolean));
  if (open) ids.add(row.dataset.fold);
  else ids.delete(row.dataset.fold);
  if (ids.size) address.searchParams.set("unfold", [...ids].join(","));
  else address.searchParams.delete("unfold");
  history.replaceState(history.state, "", address.href.replaceAll("%2C", ","));
}

/** An address of this page with the runs unfolded that are so now. @param {string} address */
export function asFolded(address) {
  if (!document.querySelector("[data-row][data-fold]")) return address;
  const wanted = new URL(address, location.href);
  const unfolded = new URL(location.href).searchParams.get("unfold");
  if (unfolded) wanted.searchParams.set("unfold", unfolded);
  else wanted.searchParams.delete("unfold");
  return wanted.href.replaceAll("%2C", ",");
}
