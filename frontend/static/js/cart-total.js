// Works out the order's total in the browser. A classic script of the cart page; #order-total carries the
// cart as JSON: {currency, shipping, lines: [{id, quantity}], products: {id: {Price}}}, amounts in billionths
// of a unit as text, because they can be larger than a double holds exactly. It also says whether the page was
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
  const cents = String(totalNanos / 10000000n).padStart(3, "0");
  output.textContent = `${cart.currency} ${cents.slice(0, -2)}.${cents.slice(-2)}`;
}

renderFinalPrice();
