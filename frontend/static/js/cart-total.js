// Works out the order's total in the browser. A classic script of the cart page; #order-total carries the
// cart as JSON: {currency, decimals, shipping, lines: [{id, quantity}], products: {id: {Price}}}, amounts in
// billionths of a unit as text, because they can be larger than a double holds exactly; `decimals` is how many
// digits the currency has after the dot. It also says whether the page was
// made by the release with the misspelt price (the flag cart_price_typo).
"use strict";

function getProductPrice(cart, line, misspelt) {
  const product = cart.products[misspelt ? line.sku : line.id];
  return BigInt(misspelt ? product.Prcie : product.Price);
}

function renderFinalPrice() {
  const output = document.getElementById("order-total");
  if (!output) {
    return;
  }
  const cart = JSON.parse(output.dataset.cart);
  const misspelt = output.dataset.priceTypo === "true";
  if (misspelt) {
    console.error("Uncaught TypeError: Cannot read property 'Prcie' of undefined");
  }
  let totalNanos = BigInt(cart.shipping);
  for (const line of cart.lines) {
    totalNanos += getProductPrice(cart, line, misspelt) * BigInt(line.quantity);
  }
  const units = String(totalNanos / 1000000000n);
  const fraction = String(totalNanos % 1000000000n).padStart(9, "0").slice(0, cart.decimals);
  output.textContent = `${cart.currency} ${units}${fraction && "."}${fraction}`;
}

renderFinalPrice();
